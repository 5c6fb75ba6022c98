"""The kill matrix: real runs, killed at every named point and at random times, and what they leave.

`python -m tests.kill.matrix N` does N kills and prints the table; `make kill-matrix N=500`.
"""

import random
import signal
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from queue import Empty, Queue

from tests.kill.course import course, janitors
from tests.kill.killing import BOUND_S, LONGEST_RANDOM_S, RANDOM, RUNS_S, Kill, killed, left_within
from tests.kill.lane import CLOCK, FAULTS, Lane
from tests.kill.points import points


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one kill."""

    kill: Kill
    reached: bool
    injected: bool  # the fault, or a ticket, was there when the process had ended
    undone_s: float | None  # from the kill until nothing was left; None: something was left
    leftovers: tuple[str, ...]
    restarted: int | None = None  # exit status of the run that was started at once


def kills(number: int, seed: int) -> list[Kill]:
    """Return *number* kills: every fault, every point, random times, and SIGTERM for one in ten."""
    draw = random.Random(seed)  # noqa: S311 - chooses kills, keeps no secret
    named = [Kill(fault, point) for fault in FAULTS for point in (*points(fault), RANDOM, RANDOM)]
    draw.shuffle(named)
    chosen = []
    for index, kill in enumerate(islice(cycle(named), number)):
        term = index % 10 == 9
        chosen.append(
            Kill(
                kill.fault,
                kill.point,
                signal.SIGTERM if term else signal.SIGKILL,
                draw.uniform(0.0, LONGEST_RANDOM_S),
                restart=not term and index % 7 == 3,
            )
        )
    return chosen


def do(lane: Lane, kill: Kill) -> Outcome:
    """Kill one run on *lane*, and wait until nothing of it is left, or the bound is over."""
    lane.rest()
    end = killed(lane, kill)
    ended = CLOCK.monotonic()
    left = bool(lane.leftovers())
    reached = end.reached or kill.point == RANDOM or kill.number is signal.SIGTERM
    again = lane.start(kill.fault, "", "").wait(RUNS_S) if kill.restart else None
    leftovers = left_within(BOUND_S, lane.leftovers)
    took_s = None if leftovers else CLOCK.monotonic() - ended
    lane.clear()
    lane.forget_leases()
    return Outcome(kill, reached, left, took_s, tuple(leftovers), again)


def carry_out(lanes: Sequence[Lane], wanted: Sequence[Kill]) -> list[Outcome]:
    """Do all of *wanted*, one after another on each lane."""
    waiting: Queue[Kill] = Queue()
    for kill in wanted:
        waiting.put(kill)
    done: list[Outcome] = []

    def work(lane: Lane) -> None:
        while True:
            try:
                kill = waiting.get_nowait()
            except Empty:
                return
            outcome = do(lane, kill)
            done.append(outcome)
            if outcome.leftovers or not outcome.reached:
                sys.stderr.write(f"{outcome}\n")

    with ThreadPoolExecutor(max_workers=len(lanes)) as pool:
        list(pool.map(work, lanes))
    return done


def table(done: Sequence[Outcome]) -> str:
    """Return the table of all points, and the two last lines that say it in short."""
    rows: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for one in done:
        rows[one.kill.fault, one.kill.point].append(one)
    lines = [f"{'fault':17} {'point':40} {'kills':>5} {'injected':>8} {'longest s':>9} {'leftovers':>9}"]
    for (fault, point), found in sorted(rows.items()):
        longest = max((one.undone_s for one in found if one.undone_s is not None), default=0.0)
        injected, left = sum(one.injected for one in found), sum(bool(one.leftovers) for one in found)
        lines.append(f"{fault:17} {point:40} {len(found):5} {injected:8} {longest:9.1f} {left:9}")
    waits = sorted(
        one.undone_s
        for one in done
        if one.injected
        and one.undone_s is not None
        and one.kill.number is signal.SIGKILL
        and not one.kill.restart
    )
    if waits:
        at = [waits[min(len(waits) - 1, int(len(waits) * share))] for share in (0.5, 0.99)]
        lines.append(f"from SIGKILL to undone: median {at[0]:.1f} s, 99th percentile {at[1]:.1f} s")
    missed = sum(not one.reached for one in done)
    if missed:
        lines.append(f"points that were not reached: {missed}")
    lines.append(f"kills: {len(done)}, leftovers: {sum(bool(one.leftovers) for one in done)}")
    return "\n".join(lines)


def main(number: int, lanes: int, seed: int) -> int:
    """Do *number* kills, print the table; return the exit status."""
    with tempfile.TemporaryDirectory(prefix="kill-matrix-") as folder:
        home = Path(folder)
        with course(home, lanes) as laid, janitors(2, home):
            done = carry_out(laid, kills(number, seed))
    sys.stdout.write(table(done) + "\n")
    return int(any(one.leftovers or not one.reached for one in done))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), lanes=int(sys.argv[2]) if sys.argv[2:] else 8, seed=7))
