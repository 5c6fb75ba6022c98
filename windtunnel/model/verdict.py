"""What a run proves, in one word, one sentence and an exit code."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from windtunnel.model.record import Event, EventKind
from windtunnel.model.ticket import UndoState


class Verdict(StrEnum):
    """The outcome of a run, computed from its record alone."""

    PASSED = "passed"
    DEVIATED = "deviated"
    INCONCLUSIVE = "inconclusive"
    NOT_TESTED = "not_tested"
    BLOCKED = "blocked"
    ABORTED = "aborted"


class ExitCode(IntEnum):
    """Exit status of `windtunnel run`; UNDO_NOT_CLEAN outranks the others."""

    PASSED = 0
    DEVIATED = 1
    UNUSABLE_INPUT = 2
    BLOCKED = 3
    INCONCLUSIVE = 4
    ABORTED = 5
    UNDO_NOT_CLEAN = 6
    INTERNAL_ERROR = 7


@dataclass(frozen=True, slots=True)
class Recovery:
    """How the service came back. All seconds; None where nothing of the kind was seen."""

    disrupted_s: float | None  # first to last miss of a steady-state probe after injection, plus one interval
    recovered_s: float | None  # from the end of undo until every steady-state probe held again
    workload_ready_s: float | None  # from the first injected change until the target was fully ready again


@dataclass(frozen=True, slots=True)
class Judgement:
    """Verdict with its reasons. Recomputing it from the same record gives the same value."""

    verdict: Verdict
    reason: str  # one sentence
    undo: UndoState
    findings: tuple[str, ...]  # one sentence each: every miss, objection and error that counts
    recovery: Recovery

    @property
    def exit_code(self) -> ExitCode:
        """Exit status that tells pipelines what happened."""
        if self.undo is not UndoState.CLEAN:
            return ExitCode.UNDO_NOT_CLEAN
        return _EXIT_CODES[self.verdict]


_EXIT_CODES = {
    Verdict.PASSED: ExitCode.PASSED,
    Verdict.DEVIATED: ExitCode.DEVIATED,
    Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
    Verdict.NOT_TESTED: ExitCode.INCONCLUSIVE,
    Verdict.BLOCKED: ExitCode.BLOCKED,
    Verdict.ABORTED: ExitCode.ABORTED,
}


def end_of(judgement: Judgement, *, at: datetime) -> Event:
    """Return the last event of a record: the verdict."""
    data = {
        "verdict": str(judgement.verdict),
        "undo": str(judgement.undo),
        "exit_code": int(judgement.exit_code),
    }
    return Event(at, EventKind.FINISHED, f"{judgement.verdict}: {judgement.reason}", data)
