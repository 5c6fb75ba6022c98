"""What one check found."""

from collections.abc import Callable
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
