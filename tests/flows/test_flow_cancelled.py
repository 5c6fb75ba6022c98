"""A run that is cancelled in the Prefect UI stops, undoes, and ends as cancelled."""

import json
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.lab, pytest.mark.prefect]


def cancel_newest():
    """Do what the button in the UI does."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.sorting import FlowRunSort
    from prefect.states import Cancelling

    with get_client(sync_client=True) as client:
        (newest,) = client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC, limit=1)
        client.set_flow_run_state(newest.id, Cancelling())
        return newest.id


def state_of(flow_run):
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        return client.read_flow_run(flow_run).state


def test_a_run_cancelled_in_prefect_undoes_and_ends_as_cancelled(prefect_server, written, cluster, tmp_path):
    file = tmp_path / "long.yaml"
    file.write_text(written(duration="60s"), encoding="utf-8")
    command = [sys.executable, "-m", "windtunnel.cli", "run", str(file), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if "fault.injected" in line:
                flow_run = cancel_newest()
                break
        said, noted = process.communicate()
    assert process.returncode == 5, noted
    found = json.loads(said)
    assert (found["verdict"], found["undo"]) == ("aborted", "clean")
    assert "Somebody cancelled the flow run in Prefect" in noted
    assert cluster.get("Deployment", "payments", "shop")["spec"]["replicas"] == 3
    state = state_of(flow_run)
    assert (state.type, state.name) == ("CANCELLED", "Aborted")
