"""A PostgreSQL server that stops, starts again, hangs, or turns read-only in the middle of a run."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event as sql_event

from windtunnel.ledger import TicketState, open_ledger, postgresql
from windtunnel.model.errors import LedgerError
from windtunnel.model.record import Event, EventKind, Phase, Sample
from windtunnel.model.ticket import UndoTicket

NOW = datetime(2026, 11, 21, tzinfo=UTC)
TICKET = UndoTicket("run-1", "pod-delete", (), (), {}, NOW, NOW + timedelta(minutes=5))


def happened(message="It happened."):
    return Event(NOW, EventKind.WATCHED, message)


def looked(*numbers):
    return [Sample(NOW + timedelta(seconds=n), "p", Phase.DURING, True, float(n), 0.1) for n in numbers]


def values(ledger):
    return [sample.value for sample in ledger.read("run-1").samples]


@pytest.fixture
def begun(postgres):
    with open_ledger(postgres) as ledger:
        ledger.begin("run-1", "x")
        yield ledger


@pytest.fixture
def hurried(monkeypatch):
    """Let a test wait less than a run does."""
    monkeypatch.setattr(postgresql, "ANSWER_S", 0.5)
    monkeypatch.setattr(postgresql, "CONNECT_S", 2)
    monkeypatch.setattr(postgresql, "STATEMENT_S", 0.3)
    monkeypatch.setattr(postgresql, "REST_S", 0.1)


@pytest.fixture
def frozen(postgres_server):
    """Freeze and thaw the server; thawed at the end in any case."""
    yield postgres_server
    postgres_server.thaw()


@pytest.fixture
def stopped(postgres_server):
    """Stop and start the server; started at the end in any case."""
    yield postgres_server
    postgres_server.start()


def until_taken(ledger, event):
    """Append as a run would that has come to its next event, until the database is back."""
    while True:
        try:
            ledger.append("run-1", event)
        except LedgerError:
            time.sleep(0.05)
        else:
            return


def test_a_server_that_was_started_again_is_found_by_the_next_event(begun, postgres_server):
    begun.append("run-1", happened("before"))
    postgres_server.stop()
    postgres_server.start()

    begun.append("run-1", happened("after"))

    assert [event.message for event in begun.read("run-1").events] == ["before", "after"]


def test_while_the_server_is_away_everything_is_refused_and_no_sample_is_lost(begun, stopped, hurried):
    begun.append_samples("run-1", looked(0))
    begun.flush()
    stopped.stop()

    begun.append_samples("run-1", looked(1))
    with pytest.raises(LedgerError, match=r"windtunnel:\*\*\*@127.0.0.1.* Is the database up"):
        begun.append("run-1", happened("lost"))
    with pytest.raises(LedgerError, match="Is the database up"):
        begun.append_samples("run-1", looked(2))
    with pytest.raises(LedgerError, match="Is the database up"):
        begun.save_ticket(TICKET)
    stopped.start()
    until_taken(begun, happened("kept"))

    assert values(begun) == [0.0, 1.0, 2.0]
    assert [event.message for event in begun.read("run-1").events] == ["kept"]
    assert begun.tickets("run-1") == ()
    stopped.stop()


def test_a_server_that_hangs_holds_nobody_up_and_no_sample_is_lost_or_doubled(begun, frozen, hurried):
    begun.append_samples("run-1", looked(0))
    begun.save_ticket(TICKET)
    begun.flush()
    frozen.freeze()

    begun.append_samples("run-1", looked(1))
    for ask in (
        lambda: begun.append("run-1", happened("lost")),
        lambda: begun.move_ticket(TICKET.id, expect=TicketState.PREPARED, to=TicketState.UNDOING),
        lambda: begun.read("run-1"),
    ):
        with pytest.raises(LedgerError, match=r"no answer within|timeout|Is the database up"):
            ask()
    frozen.thaw()
    until_taken(begun, happened("kept"))

    assert values(begun) == [0.0, 1.0]
    assert begun.tickets("run-1")[0].state is TicketState.PREPARED


def test_a_commit_whose_answer_is_lost_is_not_made_twice(begun, frozen, hurried):
    begun.append_samples("run-1", looked(0))
    begun.flush()
    sql_event.listen(begun._database.engine, "commit", lambda _: frozen.freeze(), once=True)
    begun.append_samples("run-1", looked(1, 2))
    with pytest.raises(LedgerError, match="no answer within"):
        begun.flush()

    frozen.thaw()
    until_taken(begun, happened())

    assert values(begun) == [0.0, 1.0, 2.0]


def test_what_another_session_locks_is_waited_for_but_not_for_long(postgres, postgres_server, hurried):
    import psycopg

    with open_ledger(postgres) as ledger:
        ledger.begin("run-1", "x")
        with psycopg.connect(postgres) as other:
            other.execute("LOCK TABLE events")
            with pytest.raises(LedgerError, match=r"is in use by another process|is too slow"):
                ledger.append("run-1", happened())
        ledger.append("run-1", happened())


def test_a_database_that_turns_read_only_refuses_until_it_is_no_more(postgres, postgres_server):
    name = postgres.rpartition("/")[2]
    with open_ledger(postgres) as ledger:
        ledger.begin("run-1", "x")
        postgres_server.sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        postgres_server.hang_up(name)
        with pytest.raises(LedgerError, match="cannot be written: cannot execute INSERT in a read-only"):
            ledger.append("run-1", happened())
        postgres_server.sql(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        postgres_server.hang_up(name)
        ledger.append("run-1", happened())


def test_a_database_that_is_dropped_is_an_error_that_says_so(postgres, postgres_server):
    name = postgres.rpartition("/")[2]
    with open_ledger(postgres) as ledger:
        ledger.begin("run-1", "x")
        postgres_server.sql(f"DROP DATABASE {name} WITH (FORCE)")
        with pytest.raises(LedgerError, match="does not exist"):
            ledger.append("run-1", happened())
    postgres_server.sql(f"CREATE DATABASE {name}")


def test_what_was_committed_is_on_the_disk_whatever_the_server_is_used_to(postgres, postgres_server):
    name = postgres.rpartition("/")[2]
    postgres_server.sql(f"ALTER DATABASE {name} SET synchronous_commit = off")

    with open_ledger(postgres) as ledger, ledger._database.look() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"


def test_a_database_that_cannot_hold_every_letter_is_refused(postgres_server):
    postgres_server.sql(
        "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C' LOCALE_PROVIDER libc"
    )

    with pytest.raises(LedgerError, match="keeps its text in LATIN1"):
        open_ledger(postgres_server.url("latin"))


def test_a_user_who_may_not_make_tables_is_told_so(postgres, postgres_server):
    postgres_server.sql("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    address = f"postgresql://guest:guest@{postgres.rpartition('@')[2]}"

    with pytest.raises(
        LedgerError, match=r"permission denied for schema public\. Let its user create tables"
    ):
        open_ledger(address)


def test_a_wrong_password_is_not_told(postgres):
    with pytest.raises(LedgerError, match="password authentication failed") as caught:
        open_ledger(postgres.replace("secret", "hunter2"))

    assert "hunter2" not in str(caught.value)
