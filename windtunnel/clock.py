"""The only place that reads a clock. Everything else is told the time."""

import threading
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What a step may know of time."""

    def now(self) -> datetime:
        """Return the wall time, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that never go backwards, for measuring."""

    def wait(self, seconds: float, until: threading.Event | None = None) -> bool:
        """Wait, or less when *until* is set; say whether it was."""


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """Return the wall time, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the one home of the clock

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""
        return time.monotonic()

    def wait(self, seconds: float, until: threading.Event | None = None) -> bool:
        """Wait, or less when *until* is set; say whether it was."""
        return (until or threading.Event()).wait(max(0.0, seconds))
