"""One run through a bad network, and what must be true of it, whatever the network does."""

from dataclasses import dataclass

from tests.kill.lane import FAULTS
from tests.network.toxic import Toxic

LONGEST_S = 1 + 3 + 60 + 30  # duration, recovery, the ticket's margin, and Prefect's start and end
UNUSABLE_INPUT, INTERNAL_ERROR = 2, 7  # ended before it had a verdict
STATUSES = {"passed": 0, "deviated": 1, "blocked": 3, "inconclusive": 4, "not_tested": 4, "aborted": 5}
UNDO_NOT_CLEAN = 6
HIT = tuple(f"{fault.capitalize()} was injected, in part" for fault in FAULTS)


@dataclass(frozen=True, slots=True)
class Trip:
    """One run to do: which fault, and which service is hard to reach."""

    fault: str
    service: str
    toxic: Toxic


@dataclass(frozen=True, slots=True)
class Arrival:
    """What came of it. Seconds; an empty verdict where the run told none."""

    trip: Trip
    hit: str  # the call that was hit; empty where the run made fewer
    status: int | None  # exit status; None: it hung
    verdict: str
    reason: str
    undo: str
    changed: bool  # the cluster itself shows that the fault was in
    took_s: float
    left: tuple[str, ...]  # right after the run
    left_at_last: tuple[str, ...]  # after the janitor

    def wrong(self) -> list[str]:
        """Return what must not be. The steady state holds all the time, so nothing deviates."""
        return [told for told, is_so in self._lies().items() if is_so]

    def _lies(self) -> dict[str, bool]:
        status, clean = self.status, self.undo == "clean"
        said = UNDO_NOT_CLEAN if self.undo and not clean else STATUSES.get(self.verdict, INTERNAL_ERROR)
        if self.trip.service == "prefect" and not self.verdict and not self.changed:
            said = UNUSABLE_INPUT if status == UNUSABLE_INPUT else said  # an address that does not answer
        return {
            f"took {self.took_s:.0f} s": self.took_s > LONGEST_S or status is None,
            f"left {self.left_at_last}": bool(self.left_at_last),
            f"said that the undo is clean, and left {self.left}": clean and bool(self.left),
            "deviated, though nothing did": self.verdict == "deviated",
            "passed, though nothing was hit": self.verdict == "passed" and not self.changed,
            "blocked, though something was hit": self.verdict == "blocked" and self.changed,
            "denied that something was hit": self.verdict == "not_tested"
            and self.changed
            and not self.reason.startswith(HIT),
            f"exit status {status}, where {said} is right": status != said,
            "Slack changed the verdict": self.trip.service == "slack" and status != 0,
        }
