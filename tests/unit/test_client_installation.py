"""Which cluster a name means, and where its Prometheus is."""

import json
import os
import subprocess
import sys

import pytest

from windtunnel.clients.installation import cluster_entry, prometheus_url, running_lab
from windtunnel.model.errors import InputError, UnreachableError
from windtunnel.model.policy import ClusterEntry, Policy


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("WINDTUNNEL_HOME", str(tmp_path))
    return tmp_path


def write_lab(state, **changes) -> None:
    (state / "lab").mkdir(exist_ok=True)
    lab = {
        "pid": os.getpid(),
        "kubeconfig": "/k",
        "prometheus": "http://127.64.0.1:9090",
        "shop": "http://s",
        "x": 1,
    }
    (state / "lab" / "lab.json").write_text(json.dumps(lab | changes))


def test_the_name_lab_means_the_running_lab(state):
    write_lab(state)
    entry = cluster_entry(Policy(), "lab")
    assert entry == ClusterEntry(name="lab", kubeconfig="/k", prometheus_url="http://127.64.0.1:9090")
    assert running_lab().shop == "http://s"


def test_the_policy_wins_over_the_lab(state):
    write_lab(state)
    mine = ClusterEntry(name="lab", kubeconfig="/mine")
    assert cluster_entry(Policy(clusters={"lab": mine}), "lab") == mine


def test_a_lab_that_does_not_run_says_how_to_start_it(state):
    with pytest.raises(UnreachableError, match="windtunnel lab up"):
        cluster_entry(Policy(), "lab")


def test_a_lab_that_died_does_not_count(state):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    write_lab(state, pid=ended.pid)
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    assert running_lab() is None  # ended, and not yet reaped
    ended.wait()
    assert running_lab() is None


@pytest.mark.parametrize("text", ["", "[]", "5", '{"pid": "x"}', "{}"])
def test_a_lab_file_that_is_none_is_told(state, text):
    (state / "lab").mkdir()
    (state / "lab" / "lab.json").write_text(text)
    with pytest.raises(InputError, match="windtunnel lab down"):
        running_lab()


def test_no_name_means_the_current_context(state):
    assert cluster_entry(Policy(), "") == ClusterEntry(name="")


def test_an_unknown_name_gets_a_suggestion(state):
    policy = Policy(clusters={"staging": ClusterEntry("staging")}, source="windtunnel.yaml")
    with pytest.raises(
        InputError, match=r"windtunnel\.yaml: there is no cluster 'stagin'; did you mean 'staging'"
    ):
        cluster_entry(policy, "stagin")


def test_prometheus_is_the_clusters_else_the_policys():
    policy = Policy(prometheus_url="http://policy/")
    assert prometheus_url(policy, ClusterEntry("a", prometheus_url="http://own/")) == "http://own"
    assert prometheus_url(policy, ClusterEntry("a")) == "http://policy"
    assert prometheus_url(Policy(), ClusterEntry("a")) == ""
