"""What one check found."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from windtunnel.model.errors import WindtunnelError


class State(StrEnum):
    """How it stands with one part of an installation."""

    OK = "ok"
    WARN = "warn"  # runs are possible, but something is not as it should be
    FAIL = "fail"
    SKIPPED = "skipped"  # there is nothing to check


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report. *remedy* says what to do about anything that is not well."""

    check: str
    state: State
    found: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at. What *look* raises on purpose is a failure, which its message explains."""

    name: str
    look: Callable[[], Finding | tuple[State, str, str]]
    remedy: str = ""  # for what it raises
    needs: str = ""  # the check without which this one can find nothing out

    def made(self) -> Finding:
        """Look, and say what was found; a check that breaks is a failed one."""
        try:
            found = self.look()
        except WindtunnelError as error:
            return Finding(self.name, State.FAIL, " ".join(str(error).split()), self.remedy)
        except Exception as error:  # noqa: BLE001 - one broken check must not hide what the others find
            return Finding(
                self.name, State.FAIL, f"the check broke: {type(error).__name__}: {error}", self.remedy
            )
        return found if isinstance(found, Finding) else Finding(self.name, *found)


def without_echoes(checks: Sequence[Check], findings: Sequence[Finding]) -> list[Finding]:
    """Return *findings*, where a failure that only repeats that of what it needs is skipped."""
    failed = {finding.check for finding in findings if finding.state is State.FAIL}
    return [
        Finding(finding.check, State.SKIPPED, f"not to be known before {check.needs} is well")
        if finding.state is State.FAIL and check.needs in failed
        else finding
        for check, finding in zip(checks, findings, strict=True)
    ]
