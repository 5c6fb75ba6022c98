"""Whole runs that are stopped: by failures, a percentile, lost sight, and an alert that opens meanwhile."""

import re
import threading

import httpx
import pytest

from tests.unit.loopback import Told, answering

pytestmark = [pytest.mark.lab, pytest.mark.prefect]
FEW = """  - name: few
    kubernetes: deployment/payments
    namespace: shop
    expect: '<= 3'
    interval: 100ms
    holds: after"""


@pytest.fixture
def quick(monkeypatch):
    """Read the slow facts more often than usual."""
    monkeypatch.setattr("tasks.slow_watch.EVERY_S", 0.5)


def stopped(outcome, by):
    """Check that the run was aborted by *by* and undone; give what it said."""
    assert (outcome.judgement.verdict, outcome.judgement.undo, outcome.judgement.exit_code) == (
        "aborted",
        "clean",
        5,
    )
    (event,) = [event for event in outcome.record.events if event.kind == "run.abort"]
    assert event.data["by"] == by
    assert outcome.kinds.index("run.abort") < outcome.kinds.index("undo.started")
    return event.message


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("few fails 3 times", "few failed 3 times in a row"),
        ("p50 of few > 3 over 2s", "p50 of few over 2s is 4, and > 3 stops the run"),
    ],
)
def test_what_probes_see_stops_a_run(run, written, condition, says):
    assert says in stopped(run(written(probes=FEW, abort_when=condition, duration="60s")), "condition")


def test_a_prometheus_that_goes_away_is_lost_sight(run, written, once_injected):
    gone = threading.Event()

    def answer(*_asked):
        value = [{"metric": {}, "value": [1, "1"]}]
        good = Told(body={"status": "success", "data": {"resultType": "vector", "result": value}})
        return Told(status=503) if gone.is_set() else good

    probe = "  - {name: ratio, prometheus: ratio, expect: '>= 0.9', interval: 200ms, timeout: 1s}"
    with answering(answer) as url:
        once_injected(gone.set)
        policy = f"blind_after: 2s\nclusters: {{}}\nprometheus: {{url: '{url}'}}\n"
        message = stopped(run(written(probes=probe, duration="60s"), policy=policy), "sight")
    assert re.match(r"ratio has had no answer for [0-9sm]+ >= 2s: query", message)
    assert "503" in message


def test_an_alert_that_fires_during_a_run_stops_it(run, written, lab, quick, once_injected):
    def fire():
        labels = {"alertname": "HighErrors", "severity": "critical", "test": "stops"}
        httpx.post(
            f"{lab['recorder']}/alertmanager/api/v2/alerts", json=[{"labels": labels}]
        ).raise_for_status()

    policy = (
        f"incidents: {{alertmanager: {{url: '{lab['recorder']}/alertmanager', match: ['test=\"stops\"']}}}}\n"
    )
    once_injected(fire)
    message = stopped(run(written(duration="60s"), policy=policy), "incident")
    assert "HighErrors (severity=critical)" in message
    refused = run(written(), policy=policy)  # it fires still
    assert refused.judgement.verdict == "blocked"
