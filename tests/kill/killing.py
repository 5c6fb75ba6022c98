"""One run, and the signal that ends it."""

import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from tests.kill.lane import CLOCK, Lane

RANDOM = "at a random time"
BOUND_S = (
    30.0  # after a kill: the lease (15 s), the janitor's pause (2 s), the undo, and room for a busy machine
)
RUNS_S = 60.0  # the longest that one run takes
LONGEST_RANDOM_S = 9.0  # when a run is over, by and large


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill to do."""

    fault: str
    point: str
    number: signal.Signals = signal.SIGKILL
    after_s: float = 0.0  # of a kill at a random time
    restart: bool = False  # the same experiment is started again at once


@dataclass(frozen=True, slots=True)
class Ended:
    """How the process of a run ended, and whether that was the kill's doing."""

    status: int
    reached: bool


def killed(lane: Lane, kill: Kill) -> Ended:
    """Start a run on *lane*, kill it as *kill* says, and wait until its process has ended."""
    process = lane.start(kill.fault, "" if kill.point == RANDOM else kill.point, kill.number.name)
    reached = False
    if kill.point == RANDOM:
        try:
            process.wait(kill.after_s)
        except subprocess.TimeoutExpired:
            process.send_signal(kill.number)
            reached = True
    status = process.wait(RUNS_S)
    return Ended(status, reached or status == -kill.number)


def left_within(bound_s: float, look: Callable[[], list[str]]) -> list[str]:
    """Look until nothing is left, or the bound is over; return what is left then."""
    until = CLOCK.monotonic() + bound_s
    left = look()
    while left and CLOCK.monotonic() < until:
        CLOCK.wait(0.2)
        left = look()
    return left
