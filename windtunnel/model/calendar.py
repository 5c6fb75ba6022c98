"""What a calendar says of the time around a run."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, order=True)
class Busy:
    """One stretch [start, end) in which nothing may run, in UTC."""

    start: datetime
    end: datetime
    reason: str = ""
    source: str = ""

    def __str__(self) -> str:
        why = self.reason or "no title"
        return f"{why} ({self.source})" if self.source else why


@dataclass(frozen=True, slots=True)
class Calendars:
    """Everything that the policy's calendars say up to *until*, and which of them could not be read."""

    busy: tuple[Busy, ...] = ()
    errors: tuple[str, ...] = ()
