"""The safety lever in both of its places: pulled in either it stops and refuses, and so unreadable."""

import threading
from datetime import timedelta

import httpx
import pytest
from typer.testing import CliRunner

from windtunnel.clients.halt import VARIABLE
from windtunnel.clock import SystemClock

pytestmark = [pytest.mark.lab, pytest.mark.prefect]


@pytest.fixture
def variable(prefect_server):
    """Set the Prefect variable as people do in its UI; it is gone afterwards."""
    from tasks.prefect_variables import delete_variable, write_variable

    yield lambda value: write_variable(VARIABLE, value)
    delete_variable(VARIABLE)


@pytest.fixture
def command(prefect_server, monkeypatch, tmp_path):
    from windtunnel.cli.entry import build

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    return lambda *arguments: CliRunner().invoke(build(), list(arguments))


def test_a_variable_set_in_the_prefect_ui_refuses_a_run(run, written, variable):
    variable("checkout is on fire")
    outcome = run(written())
    assert outcome.judgement.verdict == "blocked"
    assert any("checkout is on fire" in finding for finding in outcome.judgement.findings)


def test_a_variable_set_during_a_run_stops_it(run, written, variable, once_injected):
    once_injected(lambda: variable({"reason": "enough", "by": "ana"}))
    outcome = run(written(duration="60s"))
    assert (outcome.judgement.verdict, outcome.judgement.undo) == ("aborted", "clean")
    assert "enough" in outcome.judgement.findings[0]


@pytest.mark.parametrize("value", ["false", False, "", "released", {"pulled": False, "reason": "over"}])
def test_a_variable_that_says_no_lets_a_run_begin(run, written, variable, value):
    variable(value)
    assert run(written()).judgement.verdict == "passed"


def test_a_lever_with_an_end_releases_itself(run, written, variable):
    now = SystemClock().now()
    variable({"reason": "deploy", "until": (now + timedelta(hours=1)).isoformat()})
    (decision,) = [
        event.data
        for event in run(written()).record.events
        if event.kind == "guardrail.decision" and event.data["guardrail"] == "halt"
    ]
    assert decision["outcome"] == "deny"
    assert decision["until"]
    variable({"reason": "deploy", "until": (now - timedelta(seconds=1)).isoformat()})
    assert run(written()).judgement.verdict == "passed"
    variable({"reason": "deploy", "until": "tomorrow"})  # an end that cannot be read is none
    assert run(written()).judgement.verdict == "blocked"


def test_a_lever_that_cannot_be_read_refuses(run, written, monkeypatch):
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from tasks import lever_facts
    from tasks.prefect_variables import read_variable

    def elsewhere(name):
        with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}):
            return read_variable(name)

    monkeypatch.setattr(lever_facts, "read_variable", elsewhere)
    outcome = run(written())
    assert outcome.judgement.verdict == "blocked"
    assert any("Prefect variable windtunnel_halt" in finding for finding in outcome.judgement.findings)


def test_halt_pulls_both_places_and_resume_releases_both(command, cluster, lab):
    from tasks.prefect_variables import read_variable
    from windtunnel.clients import halt

    done = command("halt", "--reason", "sale", "--until", "2h", "--cluster", "lab")
    assert done.exit_code == 0, done.output
    assert done.output.count("Halted on") == 2
    assert halt.read(cluster).reason == read_variable(VARIABLE)["reason"] == "sale"
    assert halt.read(cluster).until == read_variable(VARIABLE)["until"]
    released = command("resume", "--cluster", "lab")
    assert released.exit_code == 0, released.output
    assert "experiments may run again" in released.output
    assert not halt.read(cluster).pulled
    assert read_variable(VARIABLE) is None


def test_a_prefect_server_that_hangs_does_not_hide_a_lever_that_is_pulled_on_the_cluster(
    run, written, cluster, monkeypatch
):
    from tasks import lever_facts
    from windtunnel.clients import halt

    hung = threading.Event()
    monkeypatch.setattr(lever_facts, "read_variable", lambda _name: hung.wait(60))
    halt.pull(cluster, reason="sale", by="ana", now=SystemClock().now())
    try:
        outcome = run(written())
    finally:
        halt.release(cluster)
        hung.set()
    assert outcome.judgement.verdict == "blocked"
    assert any("sale" in finding for finding in outcome.judgement.findings)


def test_slack_and_the_prefect_events_tell_who_pulled_the_lever_and_why(
    command, lab, tmp_path, prefect_server
):
    (tmp_path / ".git").mkdir()
    (tmp_path / "windtunnel.yaml").write_text("slack: {channel: '#on-call'}\n", encoding="utf-8")
    assert command("halt", "--reason", "a <fire> & more", "--cluster", "lab").exit_code == 0
    assert command("resume", "--cluster", "lab").exit_code == 0
    texts = [message["text"] for message in slack(lab)]
    assert any("Halted" in text and "a &lt;fire&gt; &amp; more" in text and "@" in text for text in texts), (
        texts
    )
    assert any("Resumed" in text for text in texts)
    asked = {"filter": {"event": {"prefix": ["windtunnel.halt"]}}}

    def pulled():
        events = httpx.post(f"{prefect_server}/events/filter", json=asked).json()["events"]
        payloads = [event["payload"] for event in events if event["event"] == "windtunnel.halt.pulled"]
        return [told for told in payloads if told["reason"] == "a <fire> & more"]

    (told,) = eventually(pulled)
    assert "@" in told["by"]


def test_a_broken_policy_does_not_stand_between_anybody_and_the_lever(
    command, cluster, lab, monkeypatch, tmp_path
):
    from windtunnel.clients import halt

    (tmp_path / ".git").mkdir()
    (tmp_path / "windtunnel.yaml").write_text("windows: [[[", encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", lab["kubeconfig"])
    done = command("halt", "--reason", "x")
    assert done.exit_code == 0, done.output
    assert "nobody is told in Slack" in done.output
    assert halt.read(cluster).pulled
    assert command("resume").exit_code == 0


def slack(lab):
    return httpx.get(f"{lab['recorder']}/messages.json").json()["slack"]


def eventually(question, *, within_s=10.0):
    """Wait for an answer that is not empty; Prefect keeps events a moment after it took them."""
    clock = SystemClock()
    until = clock.monotonic() + within_s
    while not (answer := question()):
        assert clock.monotonic() < until, "it did not happen"
        clock.wait(0.1)
    return answer


def test_one_place_is_enough_to_halt_but_not_to_resume(command, cluster, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}):
        done = command("halt", "--reason", "x", "--cluster", "lab")
        assert done.exit_code == 0, done.output
        assert "Not on Prefect at http://127.0.0.1:1/api" in done.output
        assert command("resume", "--cluster", "lab").exit_code == 7
