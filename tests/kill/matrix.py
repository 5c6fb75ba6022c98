"""The kill matrix: real runs, killed at every named point and at random times, and what they leave.

`python -m tests.kill.matrix N` does N kills and prints the table; `make kill-matrix N=500`.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from queue import Empty, Queue

from infra.lab.down import down
from infra.lab.up import up
from tests.kill.lane import CLOCK, FAULTS, Lane
from tests.kill.points import points
from windtunnel.cli.prefect_server import start_server, stop_server
from windtunnel.clients.cluster import connect
from windtunnel.clients.installation import cluster_entry
from windtunnel.model.policy import Policy

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
    process = lane.start(kill.fault, "" if kill.point == RANDOM else kill.point, kill.number.name)
    if kill.point == RANDOM:
        try:
            process.wait(kill.after_s)
        except subprocess.TimeoutExpired:
            process.send_signal(kill.number)
    status = process.wait(RUNS_S)
    ended = CLOCK.monotonic()
    left = bool(lane.leftovers())
    reached = kill.point == RANDOM or kill.number is signal.SIGTERM or status == -kill.number
    again = lane.start(kill.fault, "", "").wait(RUNS_S) if kill.restart else None
    leftovers = lane.leftovers()
    while leftovers and CLOCK.monotonic() < ended + BOUND_S:
        CLOCK.wait(0.2)
        leftovers = lane.leftovers()
    took_s = None if leftovers else CLOCK.monotonic() - ended
    lane.clear()
    lane.forget_leases()
    return Outcome(kill, reached, left, took_s, tuple(leftovers), again)


@contextmanager
def janitors(number: int, folder: Path) -> Iterator[None]:
    """Let some janitors watch over the lab, each a process of its own."""
    command = [sys.executable, "-m", "windtunnel.cli", "janitor", "--watch", "--cluster", "lab"]
    with (folder / "janitors").open("wb") as output:
        started = [subprocess.Popen(command, stdout=output, stderr=output) for _ in range(number)]
        try:
            yield
        finally:
            for one in started:
                one.terminate()
            for one in started:
                one.wait(20)


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


@contextmanager
def course(home: Path, lanes: int) -> Iterator[list[Lane]]:
    """Start a lab with its own Prefect server in *home*, with *lanes* lanes."""
    before = os.environ.get("WINDTUNNEL_HOME")
    os.environ["WINDTUNNEL_HOME"] = str(home)
    up(home, nodes=3 + lanes, rate=0.0)
    try:
        start_server()
        cluster = connect(cluster_entry(Policy(), "lab"))
        names = range(1, lanes + 1)
        laid = [Lane(cluster, f"lane-{n}", f"worker-{3 + n}", home / f"lane-{n}") for n in names]
        for lane in laid:
            lane.lay()
        yield laid
    finally:
        stop_server()
        down(home)
        os.environ.pop("WINDTUNNEL_HOME") if before is None else os.environ.update(WINDTUNNEL_HOME=before)


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
