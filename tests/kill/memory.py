"""How much memory a process has, and whether it grows: read from /proc, once a second."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

from tests.kill.lane import CLOCK

PARTS = 5  # of a whole watch; in the first of them the process warms up
EVERY_S = 1.0


def resident_mb(process: int) -> float | None:
    """Return the resident memory of a process in MB, or None where it is no more."""
    try:
        text = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:
        return None
    sizes = [line.split()[1] for line in text.splitlines() if line.startswith("VmRSS:")]
    return int(sizes[0]) / 1024 if sizes else None  # a process that is over has none


@dataclass(slots=True)
class Memory:
    """The memory of one process over time, in MB."""

    name: str
    process: int
    seen: list[float] = field(default_factory=list)

    def look(self) -> None:
        """Add what it has now."""
        now = resident_mb(self.process)
        if now is not None:
            self.seen.append(now)

    def at_the_ends(self) -> list[float]:
        """Return what it had at the end of each part of the watch."""
        return [self.seen[len(self.seen) * part // PARTS - 1] for part in range(1, PARTS + 1)]

    def growth(self) -> float:
        """Return what it has grown since it was warm."""
        return self.at_the_ends()[-1] - self.at_the_ends()[0] if len(self.seen) >= PARTS else 0.0

    def line(self) -> str:
        """Say it: its steps show whether it still grows."""
        if len(self.seen) < PARTS:
            return f"{self.name}: not watched for long enough"
        steps = ", ".join(f"{size:.1f}" for size in self.at_the_ends())
        return f"{self.name}: {steps} MB after each fifth of the time"


def watch(memories: list[Memory], stop: threading.Event) -> None:
    """Look at all of them each second until *stop*."""
    while not CLOCK.wait(EVERY_S, until=stop):
        for one in memories:
            one.look()
