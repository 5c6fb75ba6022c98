"""Prefect's own side of undo: the janitor's deployment, the automation, and the hook after a crash."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import timedelta

import pytest

from tests.cluster.workspace import eventually

pytestmark = [pytest.mark.lab, pytest.mark.prefect, pytest.mark.timeout(180)]
HEARTBEAT = "prefect.flow-run.heartbeat"
SERVE_EXPERIMENT = """
import prefect
from prefect.deployments.runner import EntrypointType
from flows.experiment import experiment

prefect.serve(experiment.to_deployment(name="by-hand", entrypoint_type=EntrypointType.MODULE_PATH))
"""


@pytest.fixture
def process(prefect_server):
    """Start a process that serves deployments; end it, and all that it has started."""
    started = []

    def start(*command: str) -> subprocess.Popen:
        environment = {**os.environ, "PREFECT_API_URL": prefect_server}
        started.append(
            subprocess.Popen(
                [sys.executable, *command],
                env=environment,
                start_new_session=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return started[-1]

    yield start
    for one in started:
        one.send_signal(signal.SIGINT)
        try:
            said, _ = one.communicate(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(one.pid, signal.SIGKILL)
            said, _ = one.communicate()
        sys.stdout.write(said)  # shown where the test has failed


@pytest.fixture
def client(prefect_server):
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as asked:
        yield asked


def deployment(client, name):
    from prefect.exceptions import ObjectNotFound

    try:
        return client.read_deployment_by_name(name)
    except ObjectNotFound:
        return None


def test_serving_runs_the_janitor_and_watches_for_dead_runs(process, client):
    from deployments.automations import DEAD_RUN

    process("-m", "windtunnel.cli", "serve")
    found = eventually(lambda: deployment(client, "janitor/janitor"))
    assert found.entrypoint == "flows.janitor.janitor"
    assert found.schedules[0].schedule.interval.total_seconds() == 60
    assert (found.concurrency_options.collision_strategy, found.global_concurrency_limit.limit) == (
        "CANCEL_NEW",
        1,
    )
    (automation,) = eventually(lambda: client.read_automations_by_name(DEAD_RUN))
    assert automation.enabled
    run = client.create_flow_run_from_deployment(found.id)
    ended = eventually(lambda: final(client, run.id), within_s=60)
    assert ended.type == "COMPLETED", ended.message
    assert ended.name in {"NothingDue", "Undone"}, ended.message  # other tests have left runs that died


def test_a_run_whose_process_dies_is_undone_by_the_process_that_started_it(process, client, written, cluster):
    from windtunnel.clients import tickets

    process("-c", SERVE_EXPERIMENT)
    found = eventually(lambda: deployment(client, "experiment/by-hand"))
    request = {"request": {"experiment_text": written(duration="60s")}}
    run = client.create_flow_run_from_deployment(found.id, parameters=request)
    (ticket,) = eventually(lambda: [one for one in tickets.list_open(cluster) if one.state == "injected"])
    os.kill(process_of(ticket.run_id), signal.SIGKILL)
    eventually(lambda: not tickets.list_open(cluster), within_s=12)  # no lease has run out by then
    assert cluster.get("Deployment", "payments", "shop")["spec"]["replicas"] == 3
    assert eventually(client.read_flow_run(run.id).state.is_crashed)
    forget(cluster)


def test_a_run_without_a_sign_of_life_is_marked_crashed_and_undone(
    process, client, written, cluster, tmp_path
):
    from deployments.automations import DEAD_RUN, dead_run
    from windtunnel.clients import tickets

    for old in client.read_automations_by_name(DEAD_RUN):
        client.delete_automation(old.id)
    process("-m", "windtunnel.cli", "serve")
    (automation,) = eventually(lambda: client.read_automations_by_name(DEAD_RUN))
    janitor = deployment(client, "janitor/janitor").id
    client.update_automation(automation.id, dead_run(janitor, silent=timedelta(seconds=10)))
    file = tmp_path / "experiment.yaml"
    file.write_text(written(duration="60s"))
    dying = process("-m", "windtunnel.cli", "run", str(file))
    assert any("fault.injected" in line for line in dying.stdout)
    (ticket,) = tickets.list_open(cluster)
    (run,) = asked(client, "flow_runs", {"flow_runs": {"name": {"like_": ticket.run_id}}})
    beats = {"event": {"name": [HEARTBEAT]}, "resource": {"id": [f"prefect.flow-run.{run['id']}"]}}
    eventually(lambda: asked(client, "events", {"filter": beats})["events"])
    dying.kill()

    ended = eventually(lambda: final(client, run["id"]), within_s=60)
    assert (ended.type, ended.message) == ("CRASHED", "Its heartbeat has stopped.")
    eventually(lambda: "AUTOMATION" in started_by(client, janitor))
    eventually(lambda: not tickets.list_open(cluster), within_s=60)
    assert cluster.get("Deployment", "payments", "shop")["spec"]["replicas"] == 3
    forget(cluster)


def asked(client, what, body):
    """Return what the server has of *what*."""
    return client._client.post(f"/{what}/filter", json=body).raise_for_status().json()


def final(client, run_id):
    """Return the last state of a flow run, if it is one."""
    state = client.read_flow_run(run_id).state
    return state if state and state.is_final() else None


def started_by(client, deployment_id) -> set[str]:
    """Return what has started the runs of a deployment: its schedule, an automation, or others."""
    found = asked(client, "flow_runs", {"deployments": {"id": {"any_": [str(deployment_id)]}}})
    return {str((run["created_by"] or {}).get("type")) for run in found}


def forget(cluster) -> None:
    """Remove the leases and the closed tickets of runs that died: they would run out by themselves."""
    from windtunnel.clients import tickets
    from windtunnel.model.errors import NotFoundError

    for lease in cluster.list("Lease", "windtunnel"):
        with suppress(NotFoundError):  # the janitor may be faster
            cluster.delete("Lease", lease["metadata"]["name"], "windtunnel")
    for one in tickets.list_all(cluster):
        tickets.delete(cluster, one.name)


def process_of(run_id: str) -> int:
    """Return the process that runs *run_id*, as its record says."""
    from windtunnel.ledger import open_ledger
    from windtunnel.model.record import EventKind

    with open_ledger() as ledger:
        return int(ledger.read(run_id).first(EventKind.STARTED).data["process"])
