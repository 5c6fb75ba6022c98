"""An undo ticket as it lies on the cluster, one ConfigMap: what is written, and what is read of it. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from windtunnel.clients.own_namespace import MANAGED, NAMESPACE
from windtunnel.model.errors import ClusterError
from windtunnel.model.forms import from_stamp, plain, stamp, ticket_form, ticket_of
from windtunnel.model.ticket import StepReport, UndoReport, UndoTicket
from windtunnel.redaction import one_line, redact_all

RUN = "windtunnel.dev/run"
COMPONENT = "windtunnel.dev/component"
EXPIRES_AT = "windtunnel.dev/expires-at"
STATE = "windtunnel.dev/state"
THINGS = "windtunnel.dev/things"  # what the run hits, one in each line
ABOUT = "windtunnel.dev/about"
TRIES = "windtunnel.dev/undo-tries"
TRIED_AT = "windtunnel.dev/undo-tried-at"
LAST_ERROR = "windtunnel.dev/undo-error"
CALLED_AT = "windtunnel.dev/called-at"
TOLD_AT = "windtunnel.dev/told-at"  # that it is undone after all
TOLD = "windtunnel.dev/told"  # in which ways, one in each line
TICKET, REPORT = "ticket", "report"  # the keys of its data
CLOSED = frozenset({"undone"})
_LARGEST = 900_000  # bytes; a ConfigMap holds 1 MiB
_LONGEST_ERROR = 2000  # characters

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class About:
    """What people want to know of a run whose ticket they find, and its place among the run's tickets."""

    experiment: str = ""
    by: str = ""  # who or what started the run
    channel: str = ""  # the Slack channel that hears of the experiment
    order: int = 0  # of injection within the run; undo goes backwards


@dataclass(frozen=True, slots=True)
class TicketOnCluster:
    """A ticket as it lies on the cluster. Exactly one of *ticket* and *error* is set."""

    name: str
    state: str
    ticket: UndoTicket | None = None
    error: str = ""
    things: frozenset[str] = frozenset()  # what the run hits, as leases name it; empty where it is not told
    run_id: str = ""
    about: About = field(default_factory=About)
    tries: int = 0  # undos that failed
    tried_at: datetime | None = None
    last_error: str = ""
    called_at: datetime | None = None  # when people were called to it last
    told_at: datetime | None = None  # when they were to be told last that it is undone after all
    told: frozenset[str] = frozenset()  # in which ways that worked
    report: UndoReport | None = None  # of the undo that closed it

    @property
    def open(self) -> bool:
        """Say whether it is still to be undone."""
        return self.state not in CLOSED


def ticket_to_json(ticket: UndoTicket) -> str:
    """Write *ticket* as one line of JSON."""
    return json.dumps(ticket_form(ticket), separators=(",", ":"), sort_keys=True)


def ticket_from_json(text: str) -> UndoTicket:
    """Read what `ticket_to_json` wrote.

    Raises:
        ValueError: *text* is not such JSON; the message says what is wrong.
    """
    try:
        return ticket_of(json.loads(text))
    except (KeyError, TypeError, AttributeError) as error:
        msg = f"not an undo ticket: {error!r}"
        raise ValueError(msg) from error


def body(ticket: UndoTicket, *, state: str, things: frozenset[str], about: About) -> Json:
    """Return the ConfigMap of *ticket*.

    Raises:
        ClusterError: it is too large for one.
    """
    text = ticket_to_json(ticket)
    if len(text) > _LARGEST:
        msg = (
            f"the undo ticket {ticket.id} names {len(ticket.targets)} objects and takes {len(text)} bytes, "
            f"more than the {_LARGEST} that fit on the cluster; aim at fewer objects"
        )
        raise ClusterError(msg)
    annotations = {
        EXPIRES_AT: stamp(ticket.expires_at),
        STATE: state,
        THINGS: "\n".join(sorted(things)),
        ABOUT: json.dumps(redact_all(plain(about)), sort_keys=True),
    }
    labels = {**MANAGED, RUN: ticket.run_id, COMPONENT: "undo-ticket"}
    return {
        "metadata": {"name": ticket.id, "labels": labels, "annotations": annotations},
        "data": {TICKET: text},
    }


def closing(report: UndoReport, *, at: datetime) -> Json:
    """Return the change that closes a ticket and keeps the report of its undo."""
    return {
        "metadata": {"annotations": {STATE: "undone", TRIED_AT: stamp(at)}},
        "data": {REPORT: json.dumps(redact_all(plain(report)), separators=(",", ":"))},
    }


def failing(found: TicketOnCluster, why: str, *, at: datetime) -> Json:
    """Return the change that counts one more undo that failed."""
    told = {TRIES: str(found.tries + 1), TRIED_AT: stamp(at), LAST_ERROR: one_line(why, _LONGEST_ERROR)}
    return {"metadata": {"annotations": {STATE: "failed", **told}}}


def parsed(found: Mapping[str, Any]) -> TicketOnCluster:
    """Read one ConfigMap; what cannot be read of it is said in its *error*."""
    metadata, data = found["metadata"], found.get("data") or {}
    told = metadata.get("annotations") or {}
    ticket, error = None, ""
    try:
        ticket = ticket_from_json(str(data.get(TICKET, "")))
    except ValueError as broken:
        error = (
            f"configmap/{metadata['name']} in {NAMESPACE} on the cluster cannot be read: {broken}; "
            "undo it by hand"
        )
    return TicketOnCluster(
        name=metadata["name"],
        state=str(told.get(STATE, "")),
        ticket=ticket,
        error=error,
        things=frozenset(str(told.get(THINGS, "")).split()),
        run_id=ticket.run_id if ticket else str((metadata.get("labels") or {}).get(RUN, "")),
        about=_about(told),
        tries=_number(told.get(TRIES)),
        tried_at=_time(told.get(TRIED_AT)),
        last_error=str(told.get(LAST_ERROR, "")),
        called_at=_time(told.get(CALLED_AT)),
        told_at=_time(told.get(TOLD_AT)),
        told=frozenset(str(told.get(TOLD, "")).split("\n")) - {""},
        report=_report(data.get(REPORT)),
    )


def _about(told: Mapping[str, Any]) -> About:
    """Read what is told for people; undo must work without it."""
    try:
        form = json.loads(told.get(ABOUT, "{}"))
        known = {key: form[key] for key in About.__slots__ if key in form}
        return About(**{**known, "order": int(known.get("order", 0))})
    except (ValueError, TypeError):
        return About()


def _report(text: str | None) -> UndoReport | None:
    if not text:
        return None
    try:
        form = json.loads(text)
        return UndoReport(form["ticket_id"], tuple(StepReport(**step) for step in form["steps"]))
    except (ValueError, KeyError, TypeError):
        return None  # a report is for the record; the ticket's state says that it is undone


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


def _time(text: str | None) -> datetime | None:
    try:
        return from_stamp(text) if text else None
    except ValueError:
        return None
