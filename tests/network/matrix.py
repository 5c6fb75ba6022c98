"""Runs through a bad network: one call in turn, to each service that a run needs, goes wrong in every way.

`python -m tests.network.matrix N` does N runs and prints the table; `make network N=500`.
"""

import random
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, zip_longest
from pathlib import Path
from queue import Empty, Queue

from tests.kill.course import course
from tests.kill.lane import FAULTS
from tests.network.route import SERVICES, Route, routes
from tests.network.toxic import KINDS, STREAM_KINDS, Toxic
from tests.network.trip import Arrival, Trip
from tests.running_postgres import running

LASTING = ("drop", "503", "hang")  # for these, the network may stay bad


def trips(number: int, counted: Mapping[str, Mapping[str, int]], seed: int) -> list[Trip]:
    """Return *number* trips, as many to each service; one in six with a network that stays bad."""
    draw = random.Random(seed)  # noqa: S311 - chooses calls, keeps no secret
    once: list[list[Trip]] = []
    lasting: list[list[Trip]] = []
    for service in SERVICES:
        calls = [(fault, at) for fault, counts in counted.items() for at in range(counts[service])]
        once.append([Trip(f, service, Toxic(kind, at)) for f, at in calls for kind in kinds(service)])
        bad = [kind for kind in LASTING if kind in kinds(service)]
        lasting.append([Trip(f, service, Toxic(kind, at, stays=True)) for f, at in calls for kind in bad])
    for each in (*once, *lasting):
        draw.shuffle(each)
    few = number // 6
    return [*islice(_by_turns(lasting), few), *islice(_by_turns(once), number - few)]


def _by_turns(lists: Sequence[Sequence[Trip]]) -> Iterator[Trip]:
    for round_ in zip_longest(*lists):
        yield from (trip for trip in round_ if trip)


def kinds(service: str) -> Sequence[str]:
    """Return what can befall a call to *service*."""
    return STREAM_KINDS if service == "postgresql" else KINDS


def go(ways: Sequence[Route], wanted: Sequence[Trip]) -> list[Arrival]:
    """Make all trips, several at a time."""
    waiting: Queue[Trip] = Queue()
    for trip in wanted:
        waiting.put(trip)
    done: list[Arrival] = []

    def work(way: Route) -> None:
        while True:
            try:
                trip = waiting.get_nowait()
            except Empty:
                return
            arrival = way.travel(trip)
            done.append(arrival)
            if wrong := arrival.wrong():
                sys.stderr.write(f"{wrong}: {arrival}\n{way.output()}\n")

    with ThreadPoolExecutor(max_workers=len(ways)) as pool:
        list(pool.map(work, ways))
    return done


def table(done: Sequence[Arrival]) -> str:
    """Return the table by service and toxic, and the line that says it in short."""
    rows: dict[tuple[str, str], list[Arrival]] = defaultdict(list)
    for one in done:
        stays = " for good" if one.trip.toxic.stays else ""
        rows[one.trip.service, one.trip.toxic.kind + stays].append(one)
    lines = [f"{'service':11} {'toxic':20} {'runs':>5} {'verdicts':58} {'longest s':>9} {'wrong':>5}"]
    for (service, toxic), found in sorted(rows.items()):
        verdicts = Counter(one.verdict or f"exit {one.status}" for one in found)
        told = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
        longest = max(one.took_s for one in found)
        wrong = sum(bool(one.wrong()) for one in found)
        lines.append(f"{service:11} {toxic:20} {len(found):5} {told:58} {longest:9.1f} {wrong:5}")
    unhit = sum(not one.hit for one in done)
    wrong = sum(bool(one.wrong()) for one in done)
    lines.append(f"runs: {len(done)}, of them not hit: {unhit}, wrong: {wrong}")
    return "\n".join(lines)


def main(number: int, lanes: int, seed: int) -> int:
    """Make *number* trips, print the table; return the exit status."""
    with (
        tempfile.TemporaryDirectory(prefix="network-") as folder,
        running() as postgres,
        course(Path(folder), lanes) as laid,
        routes(laid, postgres) as ways,
    ):
        counted = {fault: ways[0].count(fault) for fault in FAULTS}
        sys.stderr.write(f"calls of a run when the network is good: {counted}\n")
        done = go(ways, trips(number, counted, seed))
    sys.stdout.write(table(done) + "\n")
    return int(any(one.wrong() for one in done))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), lanes=int(sys.argv[2]) if sys.argv[2:] else 6, seed=7))
