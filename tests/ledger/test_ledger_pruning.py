"""Old runs are removed whole; what is unfinished, or left something to undo, stays."""

import sqlite3
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from windtunnel.ledger import TicketState, open_ledger
from windtunnel.model.errors import InputError
from windtunnel.model.record import Event, EventKind, Phase, Sample
from windtunnel.model.ticket import UndoState, UndoTicket
from windtunnel.model.verdict import Judgement, Recovery, Verdict

OLD = datetime(2026, 1, 1, tzinfo=UTC)
CUT = OLD + timedelta(days=1)
JUDGEMENT = Judgement(Verdict.PASSED, "It held.", UndoState.CLEAN, (), Recovery(1.0, 2.0, 3.0))
WAY = [TicketState.PREPARED, TicketState.INJECTED, TicketState.UNDOING, TicketState.UNDONE]


def record(ledger, run_id, *, ended=OLD, ticket=(), samples=3):
    """Make a run that ended at *ended* (None: it has not), whose ticket has gone the way *ticket*."""
    ledger.begin(run_id, "x", at=OLD)
    for state, following in pairwise(ticket):
        if state is TicketState.PREPARED:
            undo = UndoTicket(run_id, "pod-delete", (), (), {}, OLD, OLD)
            ledger.save_ticket(undo)
        assert ledger.move_ticket(undo.id, expect=state, to=following)
    ledger.append(run_id, Event(OLD, EventKind.STARTED, "It began."))
    looks = [Sample(OLD, "p", Phase.DURING, True, float(n), 0.1, "x" * 200) for n in range(samples)]
    ledger.append_samples(run_id, looks)
    ledger.flush()
    if ended:
        ledger.finish(run_id, JUDGEMENT, at=ended)


def ids(runs):
    return [run.run_id for run in runs]


def test_a_run_that_ended_before_goes_with_its_whole_record(ledger):
    record(ledger, "old", ticket=WAY)
    record(ledger, "new", ended=CUT, ticket=WAY)

    removed, _ = ledger.prune(CUT)

    assert (ids(removed), ids(ledger.runs())) == (["old"], ["new"])
    assert ledger.tickets("old") == ()
    assert ledger.follow("old").events + ledger.follow("old").samples == ()
    assert (len(ledger.read("new").samples), len(ledger.tickets("new"))) == (3, 1)
    with pytest.raises(InputError, match="No run begins with 'old'"):
        ledger.read("old")


@pytest.mark.parametrize(
    "ticket",
    [WAY[:2], WAY[:3], [*WAY[:3], TicketState.FAILED], [TicketState.PREPARED, TicketState.UNDOING]],
    ids=lambda way: way[-1],
)
def test_a_run_that_left_something_to_undo_stays_however_old_it_is(ledger, ticket):
    record(ledger, "old", ticket=ticket)

    assert ledger.prune(CUT).runs == ()
    assert (len(ledger.read("old").samples), len(ledger.open_tickets())) == (3, 1)


def test_a_run_that_has_not_ended_stays_however_old_it_is(ledger):
    record(ledger, "old", ended=None)

    assert ledger.prune(CUT).runs == ()
    assert len(ledger.read("old").samples) == 3


def test_what_would_be_removed_is_told_without_removing_it(ledger):
    for number in (2, 1):
        record(ledger, f"old-{number}", ended=OLD + timedelta(minutes=number))
    record(ledger, "new", ended=CUT)

    assert ids(ledger.prunable(CUT)) == ["old-1", "old-2"]
    assert len(ledger.runs()) == 3
    assert ids(ledger.prune(CUT).runs) == ["old-1", "old-2"]
    assert ledger.prune(CUT).runs == ()


def test_a_run_that_gets_a_ticket_while_it_is_looked_at_stays(ledger, monkeypatch):
    record(ledger, "old", ticket=WAY)
    from windtunnel.ledger import pruning

    look = pruning.select_prunable

    def looked(connection, *, before):
        found = look(connection, before=before)
        again = UndoTicket("old", "pod-delete", (), (), {}, OLD, OLD, number=2)
        ledger.save_ticket(again)
        return found

    monkeypatch.setattr(pruning, "select_prunable", looked)

    assert ledger.prune(CUT).runs == ()
    assert (len(ledger.read("old").samples), len(ledger.tickets("old"))) == (3, 2)


def test_a_run_can_be_recorded_while_others_are_removed(address):
    with open_ledger(address) as ledger, open_ledger(address) as other:
        for number in range(20):
            record(ledger, f"old-{number:02}")
        ledger.begin("now", "x")
        removed, _ = other.prune(CUT)
        ledger.append("now", Event(CUT, EventKind.STARTED, "It began."))

        assert (len(removed), ids(ledger.runs())) == (20, ["now"])


def test_sqlite_gives_the_space_back(sqlite):
    file = Path(sqlite.removeprefix("sqlite:///"))
    with open_ledger(sqlite) as ledger:
        record(ledger, "new", ended=CUT)
    small = file.stat().st_size
    with open_ledger(sqlite) as ledger:
        record(ledger, "old", samples=20_000)
    large = file.stat().st_size

    with open_ledger(sqlite) as ledger:
        freed = ledger.prune(CUT).freed_bytes
    after = file.stat().st_size

    assert large - after == freed
    assert after < small + (large - small) / 10
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_nothing_ever_changes_or_removes_what_was_appended_but_pruning(address):
    from sqlalchemy import event

    said = []
    with open_ledger(address) as ledger:
        engine = ledger._database.engine
        event.listen(engine, "before_cursor_execute", lambda *call: said.append(call[2]))
        record(ledger, "old", ticket=WAY)
        ledger.read("old")
        changed = [line for line in said if line.upper().startswith(("UPDATE", "DELETE"))]
        ledger.prune(CUT)

    assert {line.split()[1] for line in changed} == {"runs", "tickets"}
    removed = {line.split()[2] for line in said if line.startswith("DELETE")}
    assert removed == {"samples", "events", "tickets", "runs"}
