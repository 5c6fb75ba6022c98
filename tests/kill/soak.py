"""The soak: experiments back to back for minutes, killed at random, and a janitor that is killed as well.

`python -m tests.kill.soak MINUTES [SEED]`; `make soak MINUTES=10`. It says what is left, which must be
nothing, and how the memory grew of the two processes that live through it all: a janitor that nobody kills,
and a runner that runs one experiment after another. The seed repeats the choices; the machine does the rest.
"""

import random
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.kill.course import JANITOR, course, janitor
from tests.kill.killing import BOUND_S, LONGEST_RANDOM_S, RANDOM, RUNS_S, Ended, Kill, killed, left_within
from tests.kill.lane import CLOCK, FAULTS, Lane
from tests.kill.memory import Memory, watch
from windtunnel.model.verdict import ExitCode

LANES = 3  # on which runs are killed; one more is the long-lived runner's
PER_TEN = {None: 4, signal.SIGKILL: 4, signal.SIGTERM: 2}  # of ten runs, how many get which signal
USUAL = {  # exit statuses; SIGTERM may come before a run listens, and after it has passed
    None: {0},
    signal.SIGKILL: {-signal.SIGKILL},
    signal.SIGTERM: {-signal.SIGTERM, ExitCode.ABORTED, ExitCode.PASSED},
}
JANITOR_LIVES_S = (3.0, 15.0)


@dataclass(frozen=True, slots=True)
class Trip:
    """One run, how it ended, and what was left of it when its bound was over."""

    fault: str
    number: signal.Signals | None
    end: Ended
    leftovers: tuple[str, ...]
    said: str  # the end of its output

    @property
    def odd(self) -> bool:
        """Say whether it ended in a way that its signal, or none, does not account for."""
        how = self.number if self.end.reached else None
        return self.end.status not in USUAL[how]


@dataclass(frozen=True, slots=True)
class Soaked:
    """What came of it all."""

    minutes: float
    trips: tuple[Trip, ...]
    in_one_process: tuple[str, ...]  # how each run of the long-lived runner ended
    janitor_kills: int
    at_the_end: tuple[str, ...]  # what is left when all is over
    janitor: Memory
    runner: Memory

    @property
    def leftovers(self) -> list[str]:
        """All that was left, by any run or at the end."""
        return [*(one for trip in self.trips for one in trip.leftovers), *self.at_the_end]

    def text(self) -> str:
        """Say it in some lines, the last of which says all."""
        kills = sum(trip.end.reached for trip in self.trips) + self.janitor_kills
        runs = len(self.trips) + len(self.in_one_process)
        ends = Counter(
            (_named(one.number if one.end.reached else None), one.end.status) for one in self.trips
        )
        lines = [f"{how}, exit status {status}: {count}" for (how, status), count in sorted(ends.items())]
        named = Counter(told.partition(":")[0] for told in self.in_one_process)
        lines += [f"one after another in one process, {name}: {count}" for name, count in named.items()]
        lines += [f"{one.fault}, exit status {one.end.status}: {one.said}" for one in self.trips if one.odd]
        lines += [*self.leftovers, self.janitor.line(), self.runner.line()]
        lines.append(
            f"soak: {self.minutes:g} minutes, {runs} runs, {kills} kills, leftovers: {len(self.leftovers)}, "
            f"janitor {self.janitor.growth():+.1f} MB, runner {self.runner.growth():+.1f} MB"
        )
        return "\n".join(lines)


def soak(home: Path, minutes: float, seed: int, *, lanes: int = LANES) -> Soaked:
    """Run, kill and look for *minutes*, in a lab of its own in *home*."""
    with course(home, lanes + 1) as laid, janitor(home) as steady, _runner(laid[-1], minutes) as runner:
        until = CLOCK.monotonic() + minutes * 60
        memories, over = [Memory("janitor", steady.pid), Memory("runner", runner.pid)], threading.Event()
        with ThreadPoolExecutor(max_workers=lanes + 2) as pool:
            pool.submit(watch, memories, over)
            harried = pool.submit(harry, home, random.Random(f"{seed} janitor"), until)  # noqa: S311
            toiling = [
                pool.submit(toil, lane, random.Random(f"{seed} {lane.name}"), until)  # noqa: S311
                for lane in laid[:-1]
            ]
            try:
                said, _ = runner.communicate(timeout=minutes * 60 + RUNS_S)
                trips = tuple(trip for lane in toiling for trip in lane.result())
            finally:
                over.set()
        left = left_within(
            BOUND_S, lambda: [one for lane in laid for one in (*lane.leftovers(), *lane.held())]
        )
        if runner.returncode:
            left.append(f"the long-lived runner ended with {runner.returncode}: {laid[-1].said()}")
    return Soaked(minutes, trips, tuple(said.decode().splitlines()), harried.result(), tuple(left), *memories)


def toil(lane: Lane, draw: random.Random, until: float) -> list[Trip]:
    """Run on *lane* again and again until *until*, and wait each time until nothing is left."""
    trips = []
    while CLOCK.monotonic() < until:
        fault = draw.choice(list(FAULTS))
        (number,) = draw.choices(list(PER_TEN), list(PER_TEN.values()))
        after_s = draw.uniform(0.0, LONGEST_RANDOM_S) if number else RUNS_S
        lane.rest()
        end = killed(lane, Kill(fault, RANDOM, number or signal.SIGKILL, after_s))
        left = left_within(BOUND_S, lambda: [*lane.leftovers(), *lane.held()])
        if left:
            lane.clear()
            lane.forget_leases()
        trips.append(Trip(fault, number, end, tuple(left), lane.said()))
    return trips


def harry(home: Path, draw: random.Random, until: float) -> int:
    """Start a janitor again and again, and kill each after a while; return how many were killed."""
    kills = 0
    with (home / "harried").open("wb") as output:
        while (left_s := until - CLOCK.monotonic()) > 0:
            process = subprocess.Popen(JANITOR, stdout=output, stderr=output)
            CLOCK.wait(min(left_s, draw.uniform(*JANITOR_LIVES_S)))
            process.send_signal(draw.choice((signal.SIGKILL, signal.SIGTERM)))
            process.wait(RUNS_S)
            kills += 1
    return kills


@contextmanager
def _runner(lane: Lane, minutes: float) -> Iterator[subprocess.Popen[bytes]]:
    files = [str(lane.file(fault)) for fault in FAULTS]
    command = [sys.executable, "-m", "tests.kill.runner", str(minutes * 60), *files]
    with (
        (lane.folder / "output").open("wb") as output,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=output) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def _named(number: signal.Signals | None) -> str:
    return number.name if number else "not killed"


def main(arguments: Sequence[str]) -> int:
    """Soak, say what came of it; return the exit status."""
    minutes, seed = float(arguments[0]), int(arguments[1]) if arguments[1:] else 7
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        soaked = soak(Path(folder), minutes, seed)
    sys.stdout.write(soaked.text() + "\n")
    return int(bool(soaked.leftovers))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
