"""Records and undo tickets as JSON values and back, exact to the millisecond.

The forms are plain dicts of JSON types, so that a ledger, a ConfigMap and a file can all hold them. Reading
is tolerant of extra keys (a later version may write more) and strict about missing ones.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

from windtunnel.model.record import Event, EventKind, Phase, Record, Sample
from windtunnel.model.ticket import ObjectRef, UndoStep, UndoTicket

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_millis(at: datetime) -> int:
    """Return whole milliseconds since 1970, rounded down; *at* must be aware."""
    if at.tzinfo is None:
        msg = f"{at!r} has no time zone; only aware times can be recorded"
        raise ValueError(msg)
    return (at - _EPOCH) // timedelta(milliseconds=1)


def from_millis(millis: int) -> datetime:
    """Return the UTC time that *millis* milliseconds since 1970 stand for."""
    return _EPOCH + timedelta(milliseconds=millis)


def stamp(at: datetime) -> str:
    """Write *at* as RFC 3339 in UTC with milliseconds: 2026-11-21T07:14:36.123Z."""
    return from_millis(to_millis(at)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_stamp(text: str) -> datetime:
    """Read what *stamp* wrote.

    Raises:
        ValueError: *text* is no RFC 3339 time, or has no zone.
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        msg = f"{text!r} has no time zone"
        raise ValueError(msg)
    return at.astimezone(UTC)


def event_form(event: Event) -> dict[str, Any]:
    """Return *event* as JSON values."""
    return {
        "at": stamp(event.at),
        "kind": str(event.kind),
        "message": event.message,
        "data": plain(event.data),
    }


def event_of(form: Mapping[str, Any]) -> Event:
    """Read what *event_form* wrote."""
    return Event(from_stamp(form["at"]), EventKind(form["kind"]), form["message"], form["data"])


def sample_form(sample: Sample) -> dict[str, Any]:
    """Return *sample* as JSON values."""
    return {name.name: plain(getattr(sample, name.name)) for name in fields(Sample)}


def sample_of(form: Mapping[str, Any]) -> Sample:
    """Read what *sample_form* wrote."""
    return Sample(
        at=from_stamp(form["at"]),
        probe=form["probe"],
        phase=Phase(form["phase"]),
        ok=form["ok"],
        value=None if form["value"] is None else float(form["value"]),
        took_s=form["took_s"],
        detail=form.get("detail", ""),
        error=form.get("error", ""),
    )


def plain(value: Any) -> Any:  # noqa: PLR0911 - a table of cases
    """Return *value* in JSON types: tuples and sets become lists, times RFC 3339, strangers their text.

    JSON has no number for NaN and the infinities; they become "nan", "inf" and "-inf".
    """
    match value:
        case datetime():
            return stamp(value)
        case None | bool() | int():
            return value
        case str():
            return clean(value)
        case float():
            return value if isfinite(value) else str(value)
        case Mapping():
            return {clean(str(key)): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case set() | frozenset():
            return sorted((plain(item) for item in value), key=str)
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {name.name: plain(getattr(value, name.name)) for name in fields(value)}
        case _:
            return clean(str(value))


def clean(text: str) -> str:
    """Return *text* as every database and terminal can hold it: no NUL, no halves of characters."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{REPLACEMENT CHARACTER}")


def record_form(record: Record) -> dict[str, Any]:
    """Return *record* as JSON values."""
    return {
        "run_id": record.run_id,
        "experiment": record.experiment,
        "events": [event_form(event) for event in record.events],
        "samples": [sample_form(sample) for sample in record.samples],
    }


def record_of(form: Mapping[str, Any]) -> Record:
    """Read what *record_form* wrote."""
    return Record(
        run_id=form["run_id"],
        experiment=form["experiment"],
        events=tuple(event_of(event) for event in form["events"]),
        samples=tuple(sample_of(sample) for sample in form["samples"]),
    )


def ticket_form(ticket: UndoTicket) -> dict[str, Any]:
    """Return *ticket* as JSON values."""
    return {name.name: plain(getattr(ticket, name.name)) for name in fields(UndoTicket)}


def ticket_of(form: Mapping[str, Any]) -> UndoTicket:
    """Read what *ticket_form* wrote."""
    return UndoTicket(
        run_id=form["run_id"],
        fault=form["fault"],
        targets=tuple(ObjectRef(**target) for target in form["targets"]),
        steps=tuple(UndoStep(**step | {"ref": ObjectRef(**step["ref"])}) for step in form["steps"]),
        parameters=form["parameters"],
        created_at=from_stamp(form["created_at"]),
        expires_at=from_stamp(form["expires_at"]),
        cluster=form["cluster"],
        number=form.get("number", 1),
    )
