"""What the record costs: for whoever gives a sample, for the thread that writes it, and on the disk."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import Figure
from windtunnel.ledger import Ledger, open_ledger
from windtunnel.model.record import Event, EventKind, Phase, Sample

RUN = "20261121-071436-ab12"
START = datetime(2026, 11, 21, 7, 14, 36, tzinfo=UTC)
BURSTS, BURST = 20, 2000
PROBES = 5
QUIET_S = 10
MINUTES = 10


def ledger_figures() -> list[Figure]:
    """Measure on SQLite, in a folder of its own."""
    with TemporaryDirectory(prefix="windtunnel-bench-") as folder:
        return [*_bursts(Path(folder)), _as_in_a_run(Path(folder)), _size(Path(folder))]


def _bursts(folder: Path) -> list[Figure]:
    """Time per sample, when there are many: both threads, from the first `append_samples` to the disk."""
    given, durable, events = [], [], []
    with _begun(folder / "bursts.db") as ledger:
        for burst in range(BURSTS):
            looks = [_look(number, burst * BURST + number) for number in range(BURST)]
            began, caller = time.perf_counter(), time.thread_time()
            for look in looks:
                ledger.append_samples(RUN, [look])
            given.append((time.thread_time() - caller) / BURST * 1e6)
            ledger.flush()
            durable.append((time.perf_counter() - began) / BURST * 1e6)
        for number in range(100):
            began = time.perf_counter()
            ledger.append(RUN, Event(START, EventKind.WATCHED, f"pod/checkout-{number} became ready.", {}))
            events.append((time.perf_counter() - began) * 1e3)
    return [
        Figure(
            "ledger: a sample, amortised, until it is durable",
            "us",
            tuple(durable),
            goal=50.0,
            note=f"{BURSTS} bursts of {BURST}, one by one, then flush: wall time, both threads together",
        ),
        Figure(
            "ledger: a sample, for who gives it",
            "us",
            tuple(given),
            goal=50.0,
            note="CPU of the probe's thread",
        ),
        Figure(
            "ledger: an event, until it is durable",
            "ms",
            tuple(events),
            goal=20.0,
            judged="p99",
            note="one transaction and one fsync; the disk decides",
        ),
    ]


def _as_in_a_run(folder: Path) -> Figure:
    """CPU of the whole process per second of a run with 5 probes at 1 Hz, whose batches are small."""
    with _begun(folder / "quiet.db") as ledger:
        began, cpu = time.monotonic(), time.process_time()
        for tick in range(QUIET_S * PROBES):
            ledger.append_samples(RUN, [_look(tick, tick)])
            time.sleep(max(0.0, began + (tick + 1) / PROBES - time.monotonic()))
        ledger.flush()
        used = (time.process_time() - cpu) / QUIET_S * 1e3
    note = f"{PROBES} probes at 1 Hz, none at the same moment: nearly every sample in a write of its own"
    return Figure("ledger: CPU for one second of a run", "ms", (used,), goal=10.0, note=note)


def _size(folder: Path) -> Figure:
    """Growth of the file by the samples of 10 minutes, and the events of such a run."""
    path = folder / "size.db"
    with open_ledger(f"sqlite:///{path}"):
        pass
    before = path.stat().st_size
    with _begun(path) as ledger:
        for number in range(40):
            at = START + timedelta(seconds=number)
            data = {"guardrail": "windows", "outcome": "allow", "observed": "Saturday 07:14", "limit": ""}
            ledger.append(
                RUN, Event(at, EventKind.DECISION, "windows: now is within an allowed window.", data)
            )
        for second in range(MINUTES * 60):
            ledger.append_samples(RUN, [_look(probe, second * 1000) for probe in range(PROBES)])
    grown = (path.stat().st_size - before) / 1e6
    note = f"{MINUTES * 60 * PROBES} samples and 40 events; growth of the file, once it is closed"
    return Figure("ledger: a record of 10 minutes, 5 probes at 1 Hz", "MB", (grown,), goal=1.0, note=note)


def _begun(path: Path) -> Ledger:
    ledger = open_ledger(f"sqlite:///{path}")
    ledger.begin(RUN, "checkout-survives-pod-loss", at=START)
    return ledger


def _look(number: int, millis: int) -> Sample:
    at = START + timedelta(milliseconds=millis)
    return Sample(
        at,
        f"success ratio {number % PROBES}",
        Phase.DURING,
        ok=True,
        value=0.9987,
        took_s=0.0123,
        detail="status 200",
    )
