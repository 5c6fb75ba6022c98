"""Prefect's own side of undo: the janitor's deployment, the automation, and the hook after a crash."""

import os
import signal
import subprocess
import sys

import pytest

from tests.cluster.workspace import eventually

pytestmark = [pytest.mark.lab, pytest.mark.prefect, pytest.mark.timeout(180)]
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
    ended = eventually(
        lambda: (state := client.read_flow_run(run.id).state) and state.is_final() and state, within_s=60
    )
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
    for lease in cluster.list("Lease", "windtunnel"):
        cluster.delete("Lease", lease["metadata"]["name"], "windtunnel")
    for one in tickets.list_all(cluster):
        tickets.delete(cluster, one.name)


def process_of(run_id: str) -> int:
    """Return the process that runs *run_id*, as its record says."""
    from windtunnel.ledger import open_ledger
    from windtunnel.model.record import EventKind

    with open_ledger() as ledger:
        return int(ledger.read(run_id).first(EventKind.STARTED).data["process"])
