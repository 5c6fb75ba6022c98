"""The janitor as a Prefect flow: it undoes for a run that died, and the run's record gets its end."""

from datetime import timedelta

import pytest

from windtunnel.clients import tickets
from windtunnel.clock import SystemClock
from windtunnel.faults import load_fault
from windtunnel.ledger import Origin, TicketState, open_ledger
from windtunnel.model.record import Event, EventKind

pytestmark = [pytest.mark.lab, pytest.mark.prefect]
LONG_AGO = timedelta(minutes=5)


@pytest.fixture
def died(written, cluster):
    """Leave what a run leaves that was killed some minutes ago: its record, tickets and fault."""

    def leave(run_id: str, *, on_cluster: bool, injected: bool = True) -> None:
        from tests.flows.dead_run import plan_of

        text, then = written(), SystemClock().now() - LONG_AGO
        with open_ledger() as ledger:
            ledger.begin(run_id, "payments-scaled", origin=Origin(experiment_text=text), at=then)
            ledger.append(run_id, Event(then, EventKind.STARTED, "Begun."))
            if not injected:
                return
            ticket = plan_of(cluster, text, run_id, then)
            ledger.save_ticket(ticket)
            ledger.append(run_id, Event(then, EventKind.BASELINE_MET, "Met."))
            ledger.append(run_id, Event(then, EventKind.TICKET, "Written."))
            if on_cluster:
                tickets.write(cluster, ticket)
            load_fault(ticket.fault).inject(cluster, ticket)
            ledger.append(run_id, Event(then, EventKind.INJECTING, "Injecting."))
            ledger.move_ticket(ticket.id, expect=TicketState.PREPARED, to=TicketState.INJECTED)
            hit = {"hit": [str(ref) for ref in ticket.targets]}
            ledger.append(run_id, Event(then, EventKind.INJECTED, "Injected.", hit))

    yield leave
    for one in tickets.list_all(cluster):
        tickets.delete(cluster, one.name)


def sweep():
    from flows.janitor import janitor

    return janitor(return_state=True)


def summary(run_id):
    with open_ledger() as ledger:
        return ledger.find(run_id), ledger.tickets(run_id)


@pytest.mark.parametrize("on_cluster", [True, False], ids=["its ticket is there", "its ticket was deleted"])
def test_a_run_that_died_is_undone_and_its_record_gets_its_end(prefect_server, died, cluster, on_cluster):
    run_id = f"dead-run-{on_cluster}".lower()
    died(run_id, on_cluster=on_cluster)
    assert cluster.get("Deployment", "payments", "shop")["spec"]["replicas"] == 4
    state = sweep()
    run, (ticket,) = summary(run_id)
    replicas = cluster.get("Deployment", "payments", "shop")["spec"]["replicas"]
    assert (state.name, replicas) == ("Undone", 3), state.message
    assert (run.verdict, run.undo, run.exit_code) == ("aborted", "clean", 5)
    assert "its process died" in run.reason
    assert ticket.state == "undone"
    again = sweep()  # what other tests have left behind may be due by now; this run is not, a second time
    assert run_id not in again.message, again.message
    assert cluster.get("Deployment", "payments", "shop")["spec"]["replicas"] == 3


def test_a_run_that_died_before_its_ticket_gets_its_end(prefect_server, died):
    died("dead-early", on_cluster=False, injected=False)
    state = sweep()
    assert (state.name, "dead-early" in state.message) == ("Undone", True), state.message
    run, _ = summary("dead-early")
    assert (run.verdict, run.undo) == ("aborted", "clean")
