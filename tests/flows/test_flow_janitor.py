"""A run is killed: the janitor, a process of its own, undoes its fault once the lease has run out."""

import json
import signal
import subprocess
import sys

import pytest

from tests.cluster.workspace import eventually

pytestmark = [pytest.mark.lab, pytest.mark.prefect]


@pytest.fixture
def killed(written, tmp_path, prefect_server, cluster):
    """Run an experiment in a process of its own, and kill it once the fault is in."""
    from windtunnel.clients import tickets

    def run_and_kill(fault: str) -> None:
        file = tmp_path / "long.yaml"
        file.write_text(written(duration="60s", fault=fault), encoding="utf-8")
        command = [sys.executable, "-m", "windtunnel.cli", "run", str(file)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout:
                if "fault.injected" in line:
                    process.kill()
        assert process.returncode == -signal.SIGKILL

    yield run_and_kill
    for lease in cluster.list("Lease", "windtunnel"):  # it would run out by itself, after 15 s
        cluster.delete("Lease", lease["metadata"]["name"], "windtunnel")
    for one in tickets.list_all(cluster):  # closed, and kept for an hour
        tickets.delete(cluster, one.name)


@pytest.fixture
def janitor(prefect_server):
    """Let a janitor watch; give what it says once it is told to end."""
    command = [sys.executable, "-m", "windtunnel.cli", "janitor", "--watch", "--cluster", "lab"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def end() -> str:
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=20)
        assert process.returncode == 0, said
        return said

    yield end
    if process.poll() is None:
        process.kill()
        process.communicate()


def windtunnel(*arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "windtunnel.cli", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_the_janitor_undoes_for_a_run_that_was_killed(killed, janitor, cluster):
    from windtunnel.clients import tickets
    from windtunnel.faults.marked_change import mark_of

    spec = cluster.get("Deployment", "payments", "shop")["spec"]
    killed("deployment-scale: {by: 1}")
    _, seen = windtunnel("status", "--cluster", "lab")
    assert "payments-scaled" in seen
    assert "deployment/payments in shop" in seen
    eventually(lambda: not tickets.list_open(cluster), within_s=40)
    said = janitor()
    found = cluster.get("Deployment", "payments", "shop")
    assert (found["spec"], mark_of(found)) == (spec, "")
    assert "deployment/payments in shop back to 3 replicas" in said
    assert windtunnel("status", "--cluster", "lab") == (0, f"Nothing is injected on {cluster.label}.\n")
    assert list(cluster.list("Lease", "windtunnel")) == []


def test_a_person_undoes_a_run_by_its_name(killed, cluster):
    from windtunnel.clients import tickets

    killed("deployment-scale: {by: 1}")
    (left,) = tickets.list_open(cluster)
    code, said = windtunnel("undo", left.run_id[:-2], "--cluster", "lab", "--json")
    (report,), _ = json.JSONDecoder().raw_decode(said)  # notes on standard error may follow
    assert (code, report["state"]) == (0, "clean")
    assert cluster.get("Deployment", "payments", "shop")["spec"]["replicas"] == 3
    code, said = windtunnel("undo", left.run_id, "--cluster", "lab")
    assert (code, "has no open undo ticket" in said) == (2, True)


@pytest.mark.parametrize("how", ["undo", "kubectl delete"])
def test_a_run_whose_ticket_is_closed_by_somebody_stops(run, written, once_injected, cluster, how):
    from windtunnel.clients import tickets
    from windtunnel.clock import SystemClock
    from windtunnel.faults import load_fault
    from windtunnel.undo.sweep import undo_run

    def close():
        eventually(lambda: all(one.state == "injected" for one in tickets.list_open(cluster)), within_s=5)
        (open_,) = tickets.list_open(cluster)
        if how == "undo":
            undo_run(cluster, open_.run_id, clock=SystemClock(), load_fault=load_fault)
        else:
            tickets.delete(cluster, open_.name)

    once_injected(close)
    outcome = run(written(duration="30s"))
    assert (outcome.judgement.verdict, outcome.judgement.undo) == ("aborted", "clean")
    assert "its undo ticket was closed or removed" in outcome.judgement.reason
