"""The ledger: one append-only record per run, and the undo tickets, in one database."""

import threading
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Self

from sqlalchemy import insert

from windtunnel.clock import Clock, SystemClock
from windtunnel.ledger import pruning, rows, runs, tickets
from windtunnel.ledger.address import called
from windtunnel.ledger.database import Database
from windtunnel.ledger.opening import open_engine
from windtunnel.ledger.pruning import Pruned
from windtunnel.ledger.rows import News
from windtunnel.ledger.runs import Origin, RunSummary
from windtunnel.ledger.tables import events as events_table
from windtunnel.ledger.tables import samples as samples_table
from windtunnel.ledger.tickets import StoredTicket, TicketState
from windtunnel.ledger.writer import BatchWriter, Row
from windtunnel.model.record import Event, Record, Sample
from windtunnel.model.ticket import UndoTicket
from windtunnel.model.verdict import Judgement


def open_ledger(url: str | None = None, *, clock: Clock | None = None) -> "Ledger":
    """Open the ledger at *url*, or at `ledger_address(None)`, and bring its schema up to date.

    Raises:
        InputError: the address is none.
        LedgerError: it cannot be opened, written or understood.
    """
    return Ledger(Database(open_engine(url)), clock=clock or SystemClock())


class Ledger:
    """Reads and writes records and tickets. Safe for use from many threads; close it, or use `with`.

    Every method raises LedgerError when the database cannot be used, within some seconds. Events and tickets
    are on the disk when the call returns; samples follow within a quarter of a second, or at `flush`.
    An event that could not be written is lost, and the caller knows; samples are kept until they can be.
    """

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self.name = called(database.engine.url)  # for messages: a file, or an address without the password
        self._database = database
        self._clock = clock
        self._samples = BatchWriter(self._write_samples)
        self._one_event_at_a_time = threading.Lock()  # or a follower could be shown a later number first

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Flush and let go of the database; closing twice is fine."""
        try:
            self._samples.close()
        finally:
            self._database.close()

    def begin(
        self, run_id: str, experiment: str, *, origin: Origin | None = None, at: datetime | None = None
    ) -> None:
        """Begin the record of a run; *experiment* is its name and *origin* what it was made from."""
        with self._database.change() as connection:
            runs.insert_run(
                connection, run_id, experiment, at=at or self._clock.now(), origin=origin or Origin()
            )

    def append(self, run_id: str, event: Event) -> None:
        """Add one event; it is durable when this returns, and so is every sample appended before it.

        Raises:
            LedgerError: it cannot be written, or the samples before it cannot.
        """
        row = rows.event_row(run_id, event)
        with self._one_event_at_a_time:
            self._samples.flush()
            with self._database.change(run_id) as connection:
                connection.execute(insert(events_table).values(row))

    def append_samples(self, run_id: str, samples: Iterable[Sample]) -> None:
        """Add samples to the next batch.

        Raises:
            LedgerError: an earlier batch could not be written yet; these wait behind it.
        """
        self._samples.add([rows.sample_row(run_id, sample) for sample in samples])

    def flush(self) -> None:
        """Return once everything appended so far is durable."""
        self._samples.flush()

    def finish(
        self, run_id: str, judgement: Judgement, *, events: Sequence[Event] = (), at: datetime | None = None
    ) -> None:
        """Write how the run ended, once, for the history, and in the same moment its last *events*.

        Raises:
            LedgerError: its end is written already, or cannot be; then neither are *events*.
        """
        last = [rows.event_row(run_id, event) for event in events]
        with self._one_event_at_a_time:
            self.flush()
            with self._database.change(run_id) as connection:
                runs.finish_run(connection, run_id, judgement, at=at or self._clock.now())
                if last:
                    connection.execute(insert(events_table), last)

    def run(self, run_id: str) -> RunSummary | None:
        """Return the run of exactly that id, or None."""
        with self._database.look() as connection:
            return runs.select_run(connection, run_id)

    def find(self, name: str) -> RunSummary:
        """Return the run whose id is *name* or begins with it; "last" is the newest.

        Raises:
            InputError: there is none, or more than one.
        """
        with self._database.look() as connection:
            return runs.find_run(connection, name)

    def read(self, name: str) -> Record:
        """Return the whole record of the run that *name* finds, in the order of time.

        Raises:
            InputError: there is no such run, or more than one.
        """
        with self._database.look() as connection:
            run = runs.find_run(connection, name)
            return Record(
                run_id=run.run_id,
                experiment=run.experiment,
                events=tuple(event for _, event in rows.select_events(connection, run.run_id, by_time=True)),
                samples=tuple(
                    sample for _, sample in rows.select_samples(connection, run.run_id, by_time=True)
                ),
            )

    def origin(self, name: str) -> Origin:
        """Return what the run that *name* finds was made from.

        Raises:
            InputError: there is no such run, or more than one.
        """
        with self._database.look() as connection:
            return runs.select_origin(connection, runs.find_run(connection, name).run_id)

    def runs(self, limit: int = 20, experiment: str | None = None) -> tuple[RunSummary, ...]:
        """Return the newest runs first."""
        with self._database.look() as connection:
            return runs.select_runs(connection, limit=limit, experiment=experiment)

    def follow(self, run_id: str, after_event: int = 0, after_sample: int = 0) -> News:
        """Return what was recorded after the given marks; an unknown run simply has no news yet."""
        with self._database.look() as connection:
            return rows.select_news(connection, run_id, after_event=after_event, after_sample=after_sample)

    def save_ticket(self, ticket: UndoTicket) -> None:
        """Write *ticket* as prepared; it is on the disk when this returns."""
        with self._database.change() as connection:
            tickets.insert_ticket(connection, ticket, at=self._clock.now())

    def move_ticket(self, ticket_id: str, *, expect: TicketState, to: TicketState, detail: str = "") -> bool:
        """Move a ticket on if it is still in *expect*; False means that somebody else moved it first."""
        with self._database.change() as connection:
            return tickets.move(
                connection, ticket_id, expect=expect, to=to, at=self._clock.now(), detail=detail
            )

    def tickets(self, run_id: str) -> tuple[StoredTicket, ...]:
        """Return all tickets of one run."""
        with self._database.look() as connection:
            return tickets.select_tickets(connection, run_id=run_id)

    def open_tickets(self) -> tuple[StoredTicket, ...]:
        """Return every ticket that is not undone, the earliest deadline first."""
        with self._database.look() as connection:
            return tickets.select_tickets(connection, open_only=True)

    def prunable(self, before: datetime) -> tuple[RunSummary, ...]:
        """Return the runs that `prune` would remove, the oldest first."""
        with self._database.look() as connection:
            return pruning.select_prunable(connection, before=before)

    def prune(self, before: datetime) -> Pruned:
        """Remove the runs that ended before *before* and left nothing to undo, and give back their space."""
        return pruning.prune(self._database, before=before)

    def _write_samples(self, batch: Sequence[Row], *, again: bool) -> None:
        with self._database.change(batch[0]["run_id"]) as connection:
            if not (again and rows.are_there(connection, batch)):
                connection.execute(insert(samples_table), list(batch))
