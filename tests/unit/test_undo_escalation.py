"""People are called when undo fails again and again: by PagerDuty and Slack, once for all janitors."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from threading import Event, Thread

import pytest
import requests

from tests.unit.loopback import Told, answering
from tests.unit.test_client_incidents import recorder
from tests.unit.test_undo_due import NOW, ticket
from windtunnel.clients import paging, tickets
from windtunnel.clients.paging import page
from windtunnel.clients.ticket_body import TOLD_AT, TRIED_AT
from windtunnel.clock import SystemClock
from windtunnel.faults import load_fault
from windtunnel.faults.deployment_scale import FAULT
from windtunnel.model.errors import NotifyError, RefusedError
from windtunnel.model.experiment import Target
from windtunnel.redaction import learn
from windtunnel.undo import escalation
from windtunnel.undo.escalation import AGAIN, PATIENCE, TELL_AGAIN, must_call, must_tell
from windtunnel.undo.sweep import sweep

CLOCK = SystemClock()
KEY = "R0123456789abcdef0123456789abcde"


@pytest.mark.parametrize(
    ("tries", "called_ago", "must"),
    [
        (PATIENCE - 1, None, False),
        (PATIENCE, None, True),
        (PATIENCE + 9, AGAIN - timedelta(seconds=1), False),
        (PATIENCE + 9, AGAIN, True),
    ],
)
def test_people_are_called_after_some_failures_and_not_again_for_a_while(tries, called_ago, must):
    called = NOW - called_ago if called_ago else None
    assert must_call(ticket(state="failed", tries=tries, called_at=called), NOW) is must


@pytest.mark.parametrize(
    ("state", "called", "told_ago", "must"),
    [
        ("undone", True, None, True),
        ("undone", True, TELL_AGAIN - timedelta(seconds=1), False),
        ("undone", True, TELL_AGAIN, True),
        ("undone", False, None, False),
        ("failed", True, None, False),
    ],
)
def test_who_was_called_is_told_until_that_has_worked(state, called, told_ago, must):
    told_at = NOW - told_ago if told_ago else None
    found = ticket(state=state, called_at=NOW if called else None, told_at=told_at)
    assert must_tell(found, NOW) is must


@pytest.fixture
def desk(monkeypatch) -> Iterator[str]:
    """Give a recorder that stands for PagerDuty and Slack."""
    with recorder() as url:
        monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", KEY)
        monkeypatch.setenv("PAGERDUTY_EVENTS_URL", f"{url}/pagerduty")
        monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-test-token")
        monkeypatch.setenv("SLACK_API_URL", f"{url}/slack/api/")
        yield url


@pytest.fixture
def stuck(cluster, namespace, make_deployment, plan):
    """Leave a fault whose undo is refused, so often that the next failure calls people."""
    make_deployment(namespace, replicas=3)
    made = plan(FAULT, Target(namespace=namespace, workload="deployment/checkout"), replicas=1)
    tickets.write(cluster, made, about=tickets.About("checkout-scaled", "ana", "#resilience"))
    FAULT.inject(cluster, made)
    for _ in range(PATIENCE - 1):
        tickets.fail(cluster, made, "403", at=CLOCK.now() - timedelta(minutes=5))
    yield made
    FAULT.undo(cluster, made)
    tickets.delete(cluster, made)


def refusing(cluster):
    no = RefusedError("deployments is forbidden", status=403)

    class Refusing(type(cluster)):
        def patch_merge(self, kind, *args, **more):
            if kind == "Deployment":
                raise no
            return super().patch_merge(kind, *args, **more)

    return Refusing(cluster._connection)


def messages(url: str) -> dict:
    return requests.get(f"{url}/messages.json", timeout=5).json()


def test_people_are_called_once_with_the_commands_and_told_when_it_is_undone(cluster, stuck, desk):
    for _ in range(2):
        sweep(refusing(cluster), clock=CLOCK, load_fault=load_fault)
    told = messages(desk)
    (event,) = told["pagerduty"]
    (posted,) = told["slack"]
    assert (event["event_action"], event["dedup_key"]) == ("trigger", stuck.id)
    assert "deployments is forbidden" in event["payload"]["summary"]
    assert (
        event["payload"]["custom_details"]["commands"][-1]
        == f"kubectl delete configmap {stuck.id} -n windtunnel"
    )
    assert "kubectl patch deployment checkout" in str(posted)
    assert KEY not in str(posted)
    tickets._change(cluster, cluster.get("ConfigMap", stuck.id, "windtunnel"), _long_ago(TRIED_AT))
    sweep(cluster, clock=CLOCK, load_fault=load_fault)
    told = messages(desk)
    assert [event["event_action"] for event in told["pagerduty"]] == ["trigger", "resolve"]
    assert "Undone after all" in str(told["slack"][-1])


def _long_ago(annotation):
    """Let the pause after the last try be over."""
    return {"metadata": {"annotations": {annotation: "2026-01-01T00:00:00.000Z"}}}


def pagerduty_at(url, monkeypatch):
    """Let PagerDuty be at *url*, with hardly a pause between two tries."""
    monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", KEY)
    monkeypatch.setenv("PAGERDUTY_EVENTS_URL", url)
    monkeypatch.setattr(paging, "PAUSE_S", 0.01)


@contextmanager
def dripping(sends: bytes) -> Iterator[str]:
    """Serve somebody who sends *sends* and then a byte now and then, so that no read ever times out."""
    over = Event()

    def drip(taken):
        with taken, suppress(OSError):
            taken.recv(65536)
            taken.sendall(sends)
            while not over.wait(0.1):
                taken.sendall(b"x" if sends else b"")

    def serve(server):
        with suppress(OSError):
            while True:
                Thread(target=drip, args=(server.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=serve, args=(server,), daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        over.set()


def test_who_is_called_is_not_told_a_secret_that_the_error_holds(cluster, stuck, desk):
    secret = "canary&<of>the*test_" * 3
    learn(secret)
    for filler in ("x" * 900, ""):  # so that the secret lies across the end of what PagerDuty takes
        found = tickets.read(cluster, stuck.id)
        reached, _ = escalation.call(found, cluster.label, f"refused {filler} with {secret}")
        assert reached == 2
    told = messages(desk)
    assert "refused x" in told["pagerduty"][0]["payload"]["summary"]
    assert "with ***" in told["pagerduty"][1]["payload"]["summary"]
    assert "with ***" in str(told["slack"][1])
    assert "canary" not in str(told)


def test_slack_is_told_where_pagerduty_is_not_reached_and_that_is_said(cluster, stuck, desk, monkeypatch):
    monkeypatch.setenv("PAGERDUTY_EVENTS_URL", "http://127.0.0.1:1")
    done = sweep(refusing(cluster), clock=CLOCK, load_fault=load_fault)
    assert len(messages(desk)["slack"]) == 1
    assert any("PagerDuty at http://127.0.0.1:1 could not be told" in why for why in done.untold)


def test_a_call_that_reached_nobody_is_made_again_with_the_next_failure(cluster, stuck, desk, monkeypatch):
    monkeypatch.setenv("PAGERDUTY_EVENTS_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("SLACK_API_URL", "http://127.0.0.1:1/")
    done = sweep(refusing(cluster), clock=CLOCK, load_fault=load_fault)
    assert len(done.untold) == 2
    assert tickets.read(cluster, stuck.id).called_at is None


def test_where_nobody_can_be_called_that_is_said(cluster, stuck, monkeypatch):
    for name in ("PAGERDUTY_ROUTING_KEY", "SLACK_BOT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    done = sweep(refusing(cluster), clock=CLOCK, load_fault=load_fault)
    assert any("set PAGERDUTY_ROUTING_KEY" in why for why in done.untold)


def test_a_page_without_a_key_says_which_variable_to_set(monkeypatch):
    monkeypatch.delenv("PAGERDUTY_ROUTING_KEY", raising=False)
    with pytest.raises(NotifyError, match="set PAGERDUTY_ROUTING_KEY"):
        page(summary="x", source="y", dedup_key="z", details={})


def test_a_key_that_pagerduty_does_not_take_is_named_and_not_shown(desk, monkeypatch):
    monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", "too-short-a-key")
    with pytest.raises(NotifyError, match="answered 400; check PAGERDUTY_ROUTING_KEY") as error:
        page(summary="x", source="y", dedup_key="z", details={})
    assert "too-short" not in str(error.value)


@pytest.mark.parametrize(
    ("status", "says"), [(429, "takes no more events"), (500, "in trouble"), (503, "in trouble")]
)
def test_a_page_that_is_refused_twice_fails_with_the_reason(monkeypatch, status, says):
    asked = []

    def refuse(path, *_):
        asked.append(path)
        return Told(status=status, headers={"Retry-After": "3600"})

    with answering(refuse) as url:
        pagerduty_at(url, monkeypatch)
        with pytest.raises(NotifyError, match=f"answered {status}: it .*{says}") as error:
            page(summary="x", source="y", dedup_key="z", details={})
    assert asked == ["/v2/enqueue"] * 2
    assert KEY not in str(error.value)


def test_a_page_that_is_refused_once_is_taken_at_the_second_try(monkeypatch):
    answers = [Told(status=429), Told(status=202, body={"status": "success", "dedup_key": "z"})]
    with answering(lambda *_: answers.pop(0)) as url:
        pagerduty_at(url, monkeypatch)
        page(summary="x", source="y", dedup_key="z", details={})
    assert answers == []


@pytest.mark.parametrize("sends", [b"", b"HTTP/1.1 202 Accepted\r\nContent-Length: 99\r\n\r\n"])
def test_a_pagerduty_that_hangs_holds_up_neither_slack_nor_the_janitor(
    cluster, stuck, desk, monkeypatch, sends
):
    with dripping(sends) as url:
        pagerduty_at(url, monkeypatch)
        monkeypatch.setattr(escalation, "LIMIT_S", 0.5)
        began = CLOCK.monotonic()
        done = sweep(refusing(cluster), clock=CLOCK, load_fault=load_fault)
        assert CLOCK.monotonic() - began < 4
    assert done.untold == ("PagerDuty did not answer within 0.5 s",)
    assert len(messages(desk)["slack"]) == 1
    assert tickets.read(cluster, stuck.id).called_at is not None


def test_an_incident_that_could_not_be_resolved_is_resolved_by_a_later_pass_of_the_janitor(
    cluster, stuck, desk, monkeypatch
):
    sweep(refusing(cluster), clock=CLOCK, load_fault=load_fault)
    tickets._change(cluster, cluster.get("ConfigMap", stuck.id, "windtunnel"), _long_ago(TRIED_AT))
    with answering(Told(status=500)) as url:
        pagerduty_at(url, monkeypatch)
        done = sweep(cluster, clock=CLOCK, load_fault=load_fault)
    assert len(done.untold) == 1
    assert "answered 500" in done.untold[0]
    monkeypatch.setenv("PAGERDUTY_EVENTS_URL", f"{desk}/pagerduty")
    assert sweep(cluster, clock=CLOCK, load_fault=load_fault).untold == ()
    assert len(messages(desk)["pagerduty"]) == 1  # there is a pause between two tries
    for _ in range(3):
        tickets._change(cluster, cluster.get("ConfigMap", stuck.id, "windtunnel"), _long_ago(TOLD_AT))
        sweep(cluster, clock=CLOCK, load_fault=load_fault)
    told = messages(desk)
    assert [event["event_action"] for event in told["pagerduty"]] == ["trigger", "resolve"]
    assert len(told["slack"]) == 2  # who was told is not told again


def test_a_ticket_that_nobody_can_read_calls_nobody_by_machine():
    assert must_call(replace(ticket(), tries=0), NOW) is False


def test_who_was_called_is_told_as_well_when_a_person_undoes(cluster, stuck, desk):
    from windtunnel.undo.sweep import undo_run

    sweep(refusing(cluster), clock=CLOCK, load_fault=load_fault)
    undo_run(cluster, stuck.run_id, clock=CLOCK, load_fault=load_fault)
    assert [event["event_action"] for event in messages(desk)["pagerduty"]] == ["trigger", "resolve"]
