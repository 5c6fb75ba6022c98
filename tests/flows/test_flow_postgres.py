"""Whole runs whose ledger is in PostgreSQL: when it does not serve, the fault is undone all the same."""

import threading

import pytest

pytestmark = [pytest.mark.lab, pytest.mark.prefect]


@pytest.fixture
def in_postgres(postgres, postgres_server, monkeypatch):
    """Keep the ledger in PostgreSQL, and do not wait for it as long as usual."""
    from windtunnel.ledger import postgresql

    monkeypatch.setenv("WINDTUNNEL_LEDGER", postgres)
    monkeypatch.setattr(postgresql, "ANSWER_S", 1.0)
    monkeypatch.setattr(postgresql, "CONNECT_S", 2)
    yield postgres_server
    postgres_server.thaw()


def test_a_run_is_recorded_in_postgresql(run, written, in_postgres, postgres):
    outcome = run(written())

    assert (outcome.judgement.verdict, outcome.judgement.undo) == ("passed", "clean")
    assert outcome.kinds[-1] == "run.finished"
    (stored,) = in_postgres.sql("SELECT run_id, verdict FROM runs", postgres.rpartition("/")[2])
    assert stored == (outcome.summary.run_id, "passed")


def test_a_server_that_hangs_while_the_fault_is_in_does_not_hold_up_the_undo(
    run, written, in_postgres, once_injected, cluster
):
    from windtunnel.clients import tickets

    undone, over = threading.Event(), threading.Event()

    def hang_until_undone():
        in_postgres.freeze()
        while not over.wait(0.1):
            if not tickets.list_open(cluster):
                undone.set()
                break
        in_postgres.thaw()

    once_injected(hang_until_undone)
    try:
        outcome = run(written(duration="20s"))
    finally:
        over.set()

    assert undone.is_set()
    assert outcome.judgement.verdict != "passed"
    assert outcome.state.is_failed() or outcome.state.is_crashed()


def test_a_server_that_is_away_for_a_moment_never_leaves_a_fault_or_a_wrong_verdict(
    run, written, in_postgres, once_injected
):
    def blink():
        in_postgres.stop()
        in_postgres.start()

    once_injected(blink)
    outcome = run(written(duration="5s"))

    assert outcome.summary.verdict in {None, outcome.judgement.verdict}
    values = [(sample.probe, sample.at) for sample in outcome.record.samples]
    assert len(values) == len(set(values))
