"""Events and samples as rows and back. Numbers count up in the order of writing; time orders a record."""

import json
import math
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Table, select

from windtunnel.ledger.tables import events, samples
from windtunnel.ledger.writer import Row
from windtunnel.model.forms import clean, from_millis, plain, to_millis
from windtunnel.model.record import Event, EventKind, Phase, Sample


def event_row(run_id: str, event: Event) -> Row:
    """Return *event* as a row of `events`."""
    return {
        "run_id": run_id,
        "at": to_millis(event.at),
        "kind": str(event.kind),
        "message": clean(event.message),
        "data": json.dumps(plain(event.data)),
    }


def sample_row(run_id: str, sample: Sample) -> Row:
    """Return *sample* as a row of `samples`."""
    # SQLite has no NaN. A probe that saw one has missed, and its detail says so; no value is lost by None.
    value = None if sample.value is None or math.isnan(sample.value) else sample.value
    return {
        "run_id": run_id,
        "at": to_millis(sample.at),
        "probe": clean(sample.probe),
        "phase": str(sample.phase),
        "ok": sample.ok,
        "value": value,
        "took_s": sample.took_s,
        "detail": clean(sample.detail),
        "error": clean(sample.error),
    }


def select_events(
    connection: Connection, run_id: str, *, after: int = 0, by_time: bool = False
) -> Iterator[tuple[int, Event]]:
    """Yield the events of a run that were written after number *after*, each with its number."""
    for row in _rows(connection, events, run_id, after=after, by_time=by_time):
        kind = EventKind(row["kind"])
        yield row["number"], Event(from_millis(row["at"]), kind, row["message"], json.loads(row["data"]))


def select_samples(
    connection: Connection, run_id: str, *, after: int = 0, by_time: bool = False
) -> Iterator[tuple[int, Sample]]:
    """Yield the samples of a run that were written after number *after*, each with its number."""
    for row in _rows(connection, samples, run_id, after=after, by_time=by_time):
        yield (
            row["number"],
            Sample(
                at=from_millis(row["at"]),
                probe=row["probe"],
                phase=Phase(row["phase"]),
                ok=row["ok"],
                value=row["value"],
                took_s=row["took_s"],
                detail=row["detail"],
                error=row["error"],
            ),
        )


def _rows(connection: Connection, table: Table, run_id: str, *, after: int, by_time: bool) -> Iterator[Any]:
    order = (table.c.at, table.c.number) if by_time else (table.c.number,)
    query = select(table).where(table.c.run_id == run_id, table.c.number > after).order_by(*order)
    yield from connection.execute(query).mappings()
