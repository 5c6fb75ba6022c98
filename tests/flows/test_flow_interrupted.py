"""A run that is interrupted undoes what it did: real processes, real signals."""

import json
import signal
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.lab, pytest.mark.prefect]


@pytest.fixture
def interrupted(written, tmp_path, prefect_server, cluster):
    """Start `windtunnel run` on a long experiment, interrupt it at an event, wait for its end."""

    def run_and_interrupt(
        number: signal.Signals, *, times: int = 1, at: str = "fault.injected", **changes: str
    ) -> tuple[int, dict]:
        file = tmp_path / "long.yaml"
        file.write_text(written(**{"duration": "60s", **changes}), encoding="utf-8")
        command = [sys.executable, "-m", "windtunnel.cli", "run", str(file)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        with process:
            for line in process.stdout:
                if at in line:
                    for _ in range(times):
                        process.send_signal(number)
        return process.returncode, last_run()

    return run_and_interrupt


def last_run() -> dict:
    command = [sys.executable, "-m", "windtunnel.cli", "report", "last", "--format", "json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("number", "times"), [(signal.SIGINT, 1), (signal.SIGINT, 3), (signal.SIGTERM, 1), (signal.SIGHUP, 1)]
)
def test_an_interrupted_run_undoes_and_says_that_it_was_stopped(interrupted, cluster, number, times):
    code, report = interrupted(number, times=times)
    kinds = [event["kind"] for event in report["record"]["events"]]
    assert code == 5
    assert report["judgement"]["verdict"] == "aborted"
    assert report["judgement"]["undo"] == "clean"
    assert kinds.index("fault.injected") < kinds.index("undo.finished") < kinds.index("run.finished")
    assert cluster.get("Deployment", "payments", "shop")["spec"]["replicas"] == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_while_it_waits_for_recovery_was_stopped_and_has_not_missed_it(
    interrupted, number
):
    slow = '  - {name: slow, http: "http://frontend.shop.svc:8080/", expect: {status: 200}, interval: 2s}'
    code, report = interrupted(number, at="undo.finished", duration="2s", probes=slow)
    assert (code, report["judgement"]["verdict"]) == (5, "aborted")
    kinds = [event["kind"] for event in report["record"]["events"]]
    assert "run.not_recovered" not in kinds
    assert kinds.count("run.abort") == 1


def test_a_killed_run_leaves_its_ticket_with_all_that_undo_needs(interrupted, cluster):
    from windtunnel.clients import tickets
    from windtunnel.faults import load_fault

    code, _ = interrupted(signal.SIGKILL)
    left = tickets.list_open(cluster)
    assert code == -signal.SIGKILL
    assert [found.ticket.fault for found in left] == ["deployment-scale"]
    report = load_fault("deployment-scale").undo(cluster, left[0].ticket)
    tickets.delete(cluster, left[0].ticket)
    for lease in cluster.list("Lease", "windtunnel"):  # it would run out by itself, after 15 s
        cluster.delete("Lease", lease["metadata"]["name"], "windtunnel")
    assert report.state == "clean"
    assert cluster.get("Deployment", "payments", "shop")["spec"]["replicas"] == 3
