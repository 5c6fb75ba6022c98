"""Undo tickets in the ledger: written before the first change, moved by compare-and-set alone."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from windtunnel.ledger.rows import understood
from windtunnel.ledger.tables import tickets
from windtunnel.model.errors import LedgerError
from windtunnel.model.forms import from_millis, ticket_form, ticket_of, to_millis
from windtunnel.model.ticket import UndoTicket
from windtunnel.redaction import redact


class TicketState(StrEnum):
    """Where a ticket is. Everything but UNDONE is open: somebody still has to undo it."""

    PREPARED = "prepared"
    INJECTED = "injected"
    UNDOING = "undoing"
    UNDONE = "undone"
    FAILED = "failed"


# From PREPARED straight to UNDOING: a run may die, or fail, in the middle of injecting.
# From UNDOING to UNDOING: the process that was undoing died, and the janitor takes over.
MOVES: Mapping[TicketState, frozenset[TicketState]] = {
    TicketState.PREPARED: frozenset({TicketState.INJECTED, TicketState.UNDOING}),
    TicketState.INJECTED: frozenset({TicketState.UNDOING}),
    TicketState.UNDOING: frozenset({TicketState.UNDOING, TicketState.UNDONE, TicketState.FAILED}),
    TicketState.FAILED: frozenset({TicketState.UNDOING}),
    TicketState.UNDONE: frozenset(),
}


@dataclass(frozen=True, slots=True)
class StoredTicket:
    """A ticket with its state. *detail* says why undo failed."""

    ticket: UndoTicket
    state: TicketState
    changed_at: datetime
    detail: str = ""


def insert_ticket(connection: Connection, ticket: UndoTicket, *, at: datetime) -> None:
    """Write *ticket* as prepared.

    Raises:
        LedgerError: the ticket is there already, or its run is not.
    """
    row = {
        "ticket_id": ticket.id,
        "run_id": ticket.run_id,
        "state": TicketState.PREPARED,
        "expires_at": to_millis(ticket.expires_at),
        "changed_at": to_millis(at),
        "detail": "",
        "ticket": json.dumps(ticket_form(ticket)),
    }
    try:
        connection.execute(insert(tickets).values(row))
    except IntegrityError as error:
        msg = f"Undo ticket {ticket.id} cannot be recorded: it exists already, or its run was never begun."
        raise LedgerError(msg) from error


def move(
    connection: Connection, ticket_id: str, *, expect: TicketState, to: TicketState, at: datetime, detail: str
) -> bool:
    """Move a ticket from *expect* to *to* in one statement; False when it is in another state.

    Raises:
        LedgerError: no ticket may ever go from *expect* to *to*.
    """
    if to not in MOVES[expect]:
        msg = f"Undo ticket {ticket_id} cannot go from {expect} to {to}; that is an error in the caller."
        raise LedgerError(msg)
    statement = (
        update(tickets)
        .where(tickets.c.ticket_id == ticket_id, tickets.c.state == expect)
        .values(state=to, changed_at=to_millis(at), detail=redact(detail))
    )
    return connection.execute(statement).rowcount == 1


def select_tickets(
    connection: Connection, *, run_id: str = "", open_only: bool = False
) -> tuple[StoredTicket, ...]:
    """Return tickets by deadline, the earliest first."""
    query = select(tickets).order_by(tickets.c.expires_at, tickets.c.ticket_id)
    if run_id:
        query = query.where(tickets.c.run_id == run_id)
    if open_only:
        query = query.where(tickets.c.state != TicketState.UNDONE)
    return tuple(_stored(row) for row in connection.execute(query))


def _stored(row: Row[tuple[object, ...]]) -> StoredTicket:
    found = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row by column
    with understood(f"Undo ticket {found['ticket_id']}"):
        return StoredTicket(
            ticket=ticket_of(json.loads(found["ticket"])),
            state=TicketState(found["state"]),
            changed_at=from_millis(found["changed_at"]),
            detail=found["detail"],
        )
