"""The janitor and `undo` on the command line close records of dead runs, and need no ledger for undoing."""

import socket
import threading
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from windtunnel.cli import dead_records
from windtunnel.cli.entry import build
from windtunnel.clients import tickets
from windtunnel.clock import SystemClock
from windtunnel.faults.deployment_scale import FAULT
from windtunnel.ledger import Origin, open_ledger
from windtunnel.model.experiment import Target
from windtunnel.model.record import Event, EventKind

CLOCK = SystemClock()
EXPERIMENT = """
experiment: checkout-scaled
hypothesis: Two pods less are not noticed.
owner: nobody
target: {namespace: shop, workload: deployment/checkout}
steady_state: [{name: web, kubernetes: deployment/checkout, expect: ">= 0"}]
faults: [deployment-scale: {by: 1}]
duration: 1s
recover_within: 3s
"""


@pytest.fixture
def home(api_server, monkeypatch, tmp_path):
    """Give a state folder of its own, and the API server as the cluster of the kube context."""
    monkeypatch.setenv("KUBECONFIG", api_server.entry.kubeconfig)
    monkeypatch.setenv("WINDTUNNEL_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def died(home, cluster, namespace, make_deployment, plan):
    """Leave a fault, its ticket, and the record of a run that was silent for *ago* when it was killed."""
    make_deployment(namespace, replicas=3)
    made = []

    def leave(ago: timedelta) -> str:
        ticket = plan(FAULT, Target(namespace=namespace, workload="deployment/checkout"), replicas=1)
        at = CLOCK.now() - ago
        with open_ledger() as ledger:
            ledger.begin(ticket.run_id, "checkout-scaled", origin=Origin(experiment_text=EXPERIMENT), at=at)
            ledger.save_ticket(ticket)
            ledger.append(ticket.run_id, Event(at, EventKind.INJECTED, "Injected.", {"hit": []}))
        tickets.write(cluster, ticket)
        FAULT.inject(cluster, ticket)
        made.append(ticket)
        return ticket.run_id

    yield leave
    for ticket in made:
        tickets.delete(cluster, ticket)


def windtunnel(*arguments: str):
    done = CliRunner().invoke(build(), arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def verdict(run_id: str) -> tuple[str, str]:
    with open_ledger() as ledger:
        found = ledger.find(run_id)
    return found.verdict or "unfinished", found.undo or "unknown"


@pytest.mark.parametrize("by_hand", [True, False], ids=["undo", "janitor"])
def test_whoever_undoes_for_a_dead_run_closes_its_record(died, by_hand):
    run_id = died(timedelta(minutes=5))
    done = windtunnel("undo", run_id) if by_hand else windtunnel("janitor")
    assert f"Closed the record of {run_id}" in done.output
    assert (done.exit_code, verdict(run_id)) == (0, ("aborted", "clean"))


def test_the_record_of_a_run_that_has_just_spoken_is_left_to_it(died):
    run_id = died(timedelta(seconds=5))
    assert windtunnel("undo", run_id).exit_code == 0
    assert verdict(run_id)[0] == "unfinished"


def test_a_janitor_that_watches_closes_records_as_well(home, cluster):
    stop, said = threading.Event(), []

    def tell(sentence: str) -> None:
        said.append(sentence)
        stop.set()

    with open_ledger() as ledger:
        ledger.begin("died-early", "checkout-scaled", origin=Origin(experiment_text=EXPERIMENT),
                     at=CLOCK.now() - timedelta(minutes=5))  # fmt: skip
    dead_records.keep_closing(cluster, stop=stop, tell=tell)
    assert stop.wait(10)
    assert said == ["Closed the record of died-early."]


def test_a_janitor_without_a_ledger_makes_none(home):
    done = windtunnel("janitor")
    assert done.exit_code == 0
    assert not (home / "ledger.db").exists()


def test_a_ledger_that_cannot_be_used_is_told_and_changes_nothing(home, monkeypatch):
    monkeypatch.setenv("WINDTUNNEL_LEDGER", "postgresql://nobody:canary@127.0.0.1:1/none")
    done = windtunnel("janitor")
    assert (done.exit_code, "Records of dead runs stay open for now" in done.output) == (0, True)
    assert "canary" not in done.output


def test_a_ledger_that_does_not_answer_is_not_waited_for(home, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/none"
        monkeypatch.setenv("WINDTUNNEL_LEDGER", address)
        monkeypatch.setattr(dead_records, "PATIENCE_S", 0.3)
        began = CLOCK.monotonic()
        done = windtunnel("janitor")
        assert (done.exit_code, "does not answer within 0.3 s" in done.output) == (0, True)
        assert CLOCK.monotonic() - began < 4
