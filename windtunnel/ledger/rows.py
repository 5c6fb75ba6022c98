"""Events and samples as rows and back. Numbers count up in the order of writing; time orders a record."""

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, select

from windtunnel.ledger.tables import events, runs, samples
from windtunnel.ledger.writer import Row
from windtunnel.model.errors import LedgerError
from windtunnel.model.forms import clean, from_millis, plain, to_millis
from windtunnel.model.record import Event, EventKind, Phase, Sample
from windtunnel.redaction import redact, redact_all


@dataclass(frozen=True, slots=True)
class News:
    """What was recorded since the last look, in the order of writing, and the marks for the next look."""

    events: tuple[Event, ...]
    samples: tuple[Sample, ...]
    after_event: int
    after_sample: int


def event_row(run_id: str, event: Event) -> Row:
    """Return *event* as a row of `events`."""
    return {
        "run_id": run_id,
        "at": to_millis(event.at),
        "kind": str(event.kind),
        "message": clean(redact(event.message)),
        "data": json.dumps(redact_all(plain(event.data))),
    }


def sample_row(run_id: str, sample: Sample) -> Row:
    """Return *sample* as a row of `samples`."""
    # SQLite has no NaN. A probe that saw one has missed, and its detail says so; no value is lost by None.
    value = None if sample.value is None or math.isnan(sample.value) else sample.value
    return {
        "run_id": run_id,
        "at": to_millis(sample.at),
        "probe": clean(redact(sample.probe)),
        "phase": str(sample.phase),
        "ok": sample.ok,
        "value": value,
        "took_s": sample.took_s,
        "detail": clean(redact(sample.detail)),
        "error": clean(redact(sample.error)),
    }


def select_events(
    connection: Connection, run_id: str, *, after: int = 0, by_time: bool = False
) -> Iterator[tuple[int, Event]]:
    """Yield the events of a run that were written after number *after*, each with its number."""
    with understood(f"An event of run {run_id}"):
        for row in _rows(connection, events, run_id, after=after, by_time=by_time):
            kind = EventKind(row["kind"])
            yield row["number"], Event(from_millis(row["at"]), kind, row["message"], json.loads(row["data"]))


def select_samples(
    connection: Connection, run_id: str, *, after: int = 0, by_time: bool = False
) -> Iterator[tuple[int, Sample]]:
    """Yield the samples of a run that were written after number *after*, each with its number."""
    with understood(f"A sample of run {run_id}"):
        for row in _rows(connection, samples, run_id, after=after, by_time=by_time):
            yield row["number"], _sample(row)


def select_news(connection: Connection, run_id: str, *, after_event: int, after_sample: int) -> News:
    """Return what was written after the given numbers."""
    new_events = list(select_events(connection, run_id, after=after_event))
    new_samples = list(select_samples(connection, run_id, after=after_sample))
    return News(
        events=tuple(event for _, event in new_events),
        samples=tuple(sample for _, sample in new_samples),
        after_event=new_events[-1][0] if new_events else after_event,
        after_sample=new_samples[-1][0] if new_samples else after_sample,
    )


def are_there(connection: Connection, rows: Sequence[Row]) -> bool:
    """Say whether *rows*, written in one transaction that seemed to fail, are there all the same.

    Where the connection broke in a commit, nobody knows; and that commit may be under way still. Locking the
    run's row waits for it, because samples hold the row of their run (SQLite has one writer anyway).
    """
    first = rows[0]
    connection.execute(select(runs.c.run_id).where(runs.c.run_id == first["run_id"]).with_for_update())
    same = (samples.c[name] == value for name, value in first.items())
    return connection.execute(select(samples.c.number).where(*same).limit(1)).first() is not None


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Turn what cannot be parsed into a LedgerError."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        msg = (
            f"{what} in the ledger makes no sense ({type(error).__name__}: {error}). "
            "It was written by a newer windtunnel, or changed by hand."
        )
        raise LedgerError(msg) from error


def _sample(row: Any) -> Sample:
    return Sample(
        at=from_millis(row["at"]),
        probe=row["probe"],
        phase=Phase(row["phase"]),
        ok=row["ok"],
        value=row["value"],
        took_s=row["took_s"],
        detail=row["detail"],
        error=row["error"],
    )


def _rows(connection: Connection, table: Table, run_id: str, *, after: int, by_time: bool) -> Iterator[Any]:
    order = (table.c.at, table.c.number) if by_time else (table.c.number,)
    query = select(table).where(table.c.run_id == run_id, table.c.number > after).order_by(*order)
    yield from connection.execute(query).mappings()
