"""Remove old runs, whole, and give back the space that they took."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Select, delete, exists, select

from windtunnel.ledger.database import Database
from windtunnel.ledger.runs import RunSummary, summary
from windtunnel.ledger.sqlite import give_back
from windtunnel.ledger.tables import events, runs, samples, tickets
from windtunnel.ledger.tickets import TicketState
from windtunnel.ledger.wording import clear_errors
from windtunnel.model.forms import to_millis


class Pruned(NamedTuple):
    """What was removed, and by how much the file became shorter; None where a server sees to that."""

    runs: tuple[RunSummary, ...]
    freed_bytes: int | None


def select_prunable(connection: Connection, *, before: datetime) -> tuple[RunSummary, ...]:
    """Return the runs that ended before *before* and have no open ticket, the oldest first."""
    query = _prunable(before).order_by(runs.c.finished_at, runs.c.run_id)
    return tuple(summary(row) for row in connection.execute(query).mappings())


def prune(database: Database, *, before: datetime) -> Pruned:
    """Remove the runs that ended before *before* and have no open ticket, one transaction for each.

    Raises:
        LedgerError: the database cannot be used; each run is there whole, or not at all.
    """
    with database.look() as connection:
        found = select_prunable(connection, before=before)
    removed = tuple(run for run in found if _remove(database, run.run_id, before=before))
    if not database.is_sqlite:
        return Pruned(removed, None)
    with clear_errors(database.engine.url):
        return Pruned(removed, give_back(database.engine))


def _prunable(before: datetime) -> Select[tuple[object, ...]]:
    left = exists().where(tickets.c.run_id == runs.c.run_id, tickets.c.state != TicketState.UNDONE)
    ended = runs.c.finished_at < to_millis(before)  # never true of a run without an end
    return select(runs).where(ended, ~left)


def _remove(database: Database, run_id: str, *, before: datetime) -> bool:
    with database.change(run_id) as connection:
        # who adds a ticket waits for this lock; the next statement sees those that were faster
        connection.execute(select(runs.c.run_id).where(runs.c.run_id == run_id).with_for_update())
        if connection.execute(_prunable(before).where(runs.c.run_id == run_id)).first() is None:
            return False
        for table in (samples, events, tickets, runs):
            connection.execute(delete(table).where(table.c.run_id == run_id))
    return True
