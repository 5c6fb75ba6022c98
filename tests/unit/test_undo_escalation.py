"""People are called when undo fails again and again: by PagerDuty and Slack, once for all janitors."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import requests

from tests.unit.test_client_incidents import recorder
from tests.unit.test_undo_due import NOW, ticket
from windtunnel.clients import tickets
from windtunnel.clients.paging import page
from windtunnel.clock import SystemClock
from windtunnel.faults import load_fault
from windtunnel.faults.deployment_scale import FAULT
from windtunnel.model.errors import NotifyError, RefusedError
from windtunnel.model.experiment import Target
from windtunnel.undo.escalation import AGAIN, PATIENCE, must_call
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
    tickets._change(cluster, cluster.get("ConfigMap", stuck.id, "windtunnel"), _long_ago())
    sweep(cluster, clock=CLOCK, load_fault=load_fault)
    told = messages(desk)
    assert [event["event_action"] for event in told["pagerduty"]] == ["trigger", "resolve"]
    assert "Undone after all" in str(told["slack"][-1])


def _long_ago():
    """Let the pause after the last failure be over."""
    from windtunnel.clients.ticket_body import TRIED_AT

    return {"metadata": {"annotations": {TRIED_AT: "2026-01-01T00:00:00.000Z"}}}


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


def test_a_ticket_that_nobody_can_read_calls_nobody_by_machine():
    assert must_call(replace(ticket(), tries=0), NOW) is False


def test_who_was_called_is_told_as_well_when_a_person_undoes(cluster, stuck, desk):
    from windtunnel.undo.sweep import undo_run

    sweep(refusing(cluster), clock=CLOCK, load_fault=load_fault)
    undo_run(cluster, stuck.run_id, clock=CLOCK, load_fault=load_fault)
    assert [event["event_action"] for event in messages(desk)["pagerduty"]] == ["trigger", "resolve"]
