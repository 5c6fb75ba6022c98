"""A whole lab: up, what is in it, its one weakness, and down however it ended."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from infra.lab import processes
from infra.lab.addresses import claim
from infra.lab.down import down
from infra.lab.state import LabError, LabFolder
from infra.lab.status import status
from infra.lab.up import up

pytestmark = pytest.mark.lab

SUCCESS = """sum(rate(http_requests_total{app="frontend",code!~"5.."}[15s]))
             / sum(rate(http_requests_total{app="frontend"}[15s]))"""
TRAFFIC = 'sum(rate(http_requests_total{app="frontend"}[15s]))'


@pytest.fixture
def home(tmp_path: Path):
    """A state folder whose lab is gone afterwards, whatever the test did."""
    folder = tmp_path / "home"
    folder.mkdir()
    yield folder
    down(folder)
    assert processes.of_lab(folder) == []


def value(lab, promql: str) -> float:
    found = lab.query(promql)
    return float(found[0]["value"][1]) if found else float("nan")


def delete_one_pod(lab, app: str) -> str:
    name = lab.pods(app)[0]["metadata"]["name"]
    lab.kubernetes(f"/api/v1/namespaces/shop/pods/{name}", method="DELETE")
    return name


def lowest_success_while(lab, *, seconds: float) -> float:
    deadline, lowest = time.monotonic() + seconds, 1.0
    while time.monotonic() < deadline:
        lowest = min(lowest, value(lab, SUCCESS))
        time.sleep(0.25)
    return lowest


def kill(lab: dict, folder: LabFolder, eventually) -> None:
    os.kill(lab["pid"], signal.SIGKILL)
    eventually(lambda: folder.holder() is None, every_s=0.01)


def test_the_description_names_everything_and_holds_no_secret(lab):
    told = json.loads((lab.home / "lab" / "lab.json").read_text())

    assert {
        "pid",
        "kubeconfig",
        "api",
        "prometheus",
        "recorder",
        "slack_api",
        "shop",
        "started_at",
        "logs",
    } <= set(told)
    assert (lab.home / "lab" / "token").read_text() not in json.dumps(told)
    for name in ("kubeconfig", "token", "pki/apiserver.key"):
        assert stat.S_IMODE((lab.home / "lab" / name).stat().st_mode) == 0o600


def test_the_shop_is_open_and_every_pod_ready(lab):
    found = status(lab.home)

    assert found["problems"] == []
    assert found["ready"]
    assert found["pods"] == {"ready": 12, "wanted": 12}
    assert "The wind tunnel shop" in requests.get(lab["shop"], timeout=5).text


def test_the_namespaces_are_those_the_product_expects(lab):
    names = {n["metadata"]["name"]: n["metadata"] for n in lab.kubernetes("/api/v1/namespaces")["items"]}

    assert names["shop"]["labels"]["windtunnel.dev/enabled"] == "true"
    assert "windtunnel" in names
    budget = lab.kubernetes("/apis/policy/v1/namespaces/shop/poddisruptionbudgets/checkout")
    assert budget["spec"]["maxUnavailable"] == 1


def test_up_again_finds_the_running_lab(lab):
    assert up(lab.home) == lab.description


def test_the_memory_of_the_whole_lab_is_bounded(lab):
    memory = processes.memory_of(processes.of_lab(lab.home))

    assert memory.pss < 600


def test_pods_share_the_traffic_of_their_service(lab, eventually):
    def busy_pods() -> bool:
        rates = lab.query('rate(http_requests_total{app="catalog"}[15s])')
        return len({series["metric"]["pod"] for series in rates if float(series["value"][1]) > 1}) == 3

    assert eventually(busy_pods, within_s=30)
    assert eventually(lambda: value(lab, TRAFFIC) > 10)


def test_a_lost_checkout_pod_goes_unnoticed(lab, eventually):
    eventually(lambda: value(lab, TRAFFIC) > 10)
    eventually(lambda: value(lab, SUCCESS) >= 0.999)
    lost = delete_one_pod(lab, "checkout")

    assert lowest_success_while(lab, seconds=6) >= 0.99
    assert eventually(lambda: lost not in [pod["metadata"]["name"] for pod in lab.pods("checkout")])
    assert eventually(lambda: status(lab.home)["workloads"]["checkout"]["ready"] == 3)


def test_a_killed_lab_takes_its_processes_along_and_can_be_replaced_or_cleaned_up(home: Path, eventually):
    folder = LabFolder(home)
    first = up(home, replicas=1, nodes=1)
    kill(first, folder, eventually)
    second = up(home, replicas=1, nodes=1)
    assert second["pid"] != first["pid"]
    assert requests.get(second["shop"], timeout=5).ok

    kill(second, folder, eventually)
    stopped = down(home)

    assert stopped.ran
    assert processes.of_lab(home) == []
    assert folder.read() is None
    assert not folder.kubeconfig.exists()
    assert not down(home).ran


def test_a_lab_that_cannot_start_names_its_log_and_ends_with_its_last_lines(home: Path):
    with pytest.raises(LabError, match=r"(?s)did not start: not ready.*The last lines of .*/main\.log"):
        up(home, ready_within_s=0.01)
    assert processes.of_lab(home) == []


def test_a_part_that_ends_at_once_is_named_with_its_last_lines(home: Path, tmp_path: Path):
    false = tmp_path / "prometheus"
    false.write_text("#!/bin/sh\necho out of memory, say; exit 3\n")
    false.chmod(0o755)

    with pytest.raises(LabError, match=r"(?s)metrics ended with status 1.*lab/logs/metrics\.log.*status 3"):
        up(home, replicas=1, nodes=1, prometheus="real", prometheus_program=str(false))
    assert processes.of_lab(home) == []


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path):
    (tmp_path / "lab").write_text("in the way")

    with pytest.raises(LabError, match=r"lab cannot be used.*WINDTUNNEL_HOME"):
        up(tmp_path)


def test_when_every_network_is_taken_the_error_says_so():
    network, claimed = claim()
    with claimed, pytest.raises(LabError, match="no free loopback network"):
        claim(range(network.octet, network.octet + 1))


@pytest.mark.parametrize(
    ("bad", "said"),
    [({"replicas": 0}, "replicas"), ({"rate": -1}, "rate"), ({"prometheus": "fake"}, "embedded or real")],
)
def test_a_senseless_option_is_refused_before_anything_starts(tmp_path: Path, bad: dict, said: str):
    with pytest.raises(LabError, match=said):
        up(tmp_path, **bad)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_a_lab_is_down_already(tmp_path: Path):
    assert not down(tmp_path).ran
    assert status(tmp_path) == {"running": False, "ready": False, "problems": []}


def test_the_command_line_shows_the_lab_to_people_and_programs(lab):
    environment = {**os.environ, "WINDTUNNEL_HOME": str(lab.home), "COLUMNS": "200"}

    def windtunnel(*arguments: str) -> str:
        command = [sys.executable, "-m", "windtunnel.cli", "lab", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    told = json.loads(windtunnel("status", "--json"))
    shown = windtunnel("status")
    assert told["running"]
    for key in ("kubeconfig", "prometheus", "recorder", "shop"):
        assert lab[key] in shown
    assert "catalog 3 of 3" in shown


def test_a_lost_catalog_pod_costs_customers_errors_until_its_replacement_is_warm(lab, eventually):
    eventually(lambda: value(lab, SUCCESS) >= 0.999)
    delete_one_pod(lab, "catalog")

    assert eventually(lambda: value(lab, SUCCESS) < 0.97)
