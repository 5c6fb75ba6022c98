"""`halt`, `resume` and `doctor` as processes of their own, against the lab and a real Prefect server."""

import json
import os
import subprocess
import sys

import pytest

from windtunnel.clients import halt
from windtunnel.clients.halt import VARIABLE
from windtunnel.clock import SystemClock

pytestmark = [pytest.mark.lab, pytest.mark.prefect]


@pytest.fixture
def windtunnel(lab, prefect_server, cluster, tmp_path):
    """Call the command line from a folder without a policy; the lever is released afterwards."""
    from tasks.prefect_variables import delete_variable

    def call(*arguments, **variables):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        environment |= {"WINDTUNNEL_HOME": str(lab.home), "PREFECT_API_URL": prefect_server} | variables
        return subprocess.run(
            [sys.executable, "-m", "windtunnel.cli", *arguments],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    yield call
    delete_variable(VARIABLE)
    halt.release(cluster)


@pytest.fixture
def variable(windtunnel):
    """Read and write the variable of the lever."""
    from tasks.prefect_variables import read_variable, write_variable

    return lambda *value: write_variable(VARIABLE, *value) if value else read_variable(VARIABLE)


def test_a_lab_that_is_well_has_nothing_to_mend_in_a_process_that_has_loaded_nothing_yet(windtunnel):
    for _ in range(3):  # what several threads load at once breaks at times
        done = windtunnel("doctor", "--cluster", "lab", "--json")
        ill = [each for each in json.loads(done.stdout) if each["state"] not in {"ok", "skipped"}]
        assert (done.returncode, ill) == (0, []), f"{ill} {done.stderr}"


def test_the_doctor_sees_the_lever_in_each_of_its_places(windtunnel, variable, cluster):
    variable({"reason": "sale", "by": "ana"})
    found = by_check(windtunnel("doctor", "--cluster", "lab", "--json"))
    assert (found["lever on prefect"]["state"], found["lever lab"]["state"]) == ("warn", "ok")
    assert "ana" in found["lever on prefect"]["found"]
    variable("released")
    halt.pull(cluster, reason="fire", by="bo", now=SystemClock().now())
    found = by_check(windtunnel("doctor", "--cluster", "lab", "--json"))
    assert (found["lever on prefect"]["state"], found["lever lab"]["state"]) == ("ok", "warn")
    assert "windtunnel resume" in found["lever lab"]["remedy"]


def test_a_pulled_lever_whose_end_has_passed_is_released_to_the_doctor(windtunnel, cluster):
    now = SystemClock().now()
    halt.pull(cluster, reason="over", by="bo", now=now, until=now)
    found = by_check(windtunnel("doctor", "--cluster", "lab", "--json"))
    assert found["lever lab"]["state"] == "ok"


def test_a_prefect_server_that_is_gone_is_told_without_its_password(windtunnel):
    gone = "http://ana:canary@127.0.0.1:9/api"
    done = windtunnel("doctor", "--cluster", "lab", "--json", PREFECT_API_URL=gone)
    found = by_check(done)
    assert (done.returncode, found["prefect"]["state"], found["lever on prefect"]["state"]) == (
        2, "fail", "fail",
    )  # fmt: skip
    halted = windtunnel("halt", "--reason", "x", "--cluster", "lab", PREFECT_API_URL=gone)
    assert halted.returncode == 0
    assert "canary" not in done.stdout + done.stderr + halted.stdout + halted.stderr


@pytest.mark.parametrize("broken", ["kubeconfig", "policy"])
def test_a_cluster_that_is_not_known_leaves_the_prefect_server_to_halt_on(
    windtunnel, variable, tmp_path, broken
):
    if broken == "kubeconfig":
        cluster, where = "", {"KUBECONFIG": str(tmp_path / "nowhere")}
    else:
        (tmp_path / "windtunnel.yaml").write_text("windows: [[[")
        cluster, where = "lab", {}
    named = ("--cluster", cluster) if cluster else ()
    done = windtunnel("halt", "--reason", "fire", *named, **where)
    assert done.returncode == 0, done.stderr
    assert "Halted on Prefect" in done.stdout
    assert "Not on" in done.stderr
    assert variable()["reason"] == "fire"
    assert windtunnel("resume", *named, **where).returncode != 0
    assert variable()["reason"] == "fire"  # nothing is released where not all is known


def test_resume_does_not_promise_runs_while_one_place_cannot_be_reached(windtunnel):
    windtunnel("halt", "--reason", "fire", "--cluster", "lab")
    done = windtunnel("resume", "--cluster", "lab", PREFECT_API_URL="http://127.0.0.1:9/api")
    assert done.returncode == 7
    assert "experiments do not run again yet" in done.stdout
    assert "may run" not in done.stdout


def by_check(done):
    return {each["check"]: each for each in json.loads(done.stdout)}
