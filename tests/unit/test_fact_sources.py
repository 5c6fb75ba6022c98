"""Facts from outside the cluster, from real servers on loopback: freezes, calendars, incidents, alerts."""

from types import SimpleNamespace

import pytest

from guardrails.blackout import CALENDARS
from guardrails.freeze import FREEZE
from guardrails.incidents import ALERTS, PAGERDUTY
from tasks.facts import gather
from tests.unit.loopback import Told, answering
from windtunnel.clock import SystemClock
from windtunnel.model.decision import Fact
from windtunnel.model.policy import Policy
from windtunnel.model.rule_sources import Alertmanager, CalendarSource, Freeze, PagerDuty

CALENDAR = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:t\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n"
    "SUMMARY:Daily\r\nDTSTART:20260101T000000Z\r\nDTEND:20260101T010000Z\r\nRRULE:FREQ=DAILY\r\n"
    "END:VEVENT\r\nEND:VCALENDAR\r\n"
)
TOKEN = "canary-token-7f3a"


def fact(key, **rules) -> Fact:
    """Gather one fact as a run would, under a policy with *rules*."""
    policy = Policy(**rules)
    run = SimpleNamespace(clock=SystemClock(), policy=policy, gatherers=None, calendars={})
    return gather(run, [key.name], policy=policy).by_name[key.name]


# --- freezes


@pytest.mark.parametrize(
    ("told", "frozen", "reason"),
    [
        (Told(body={"frozen": True, "reason": "sale", "until": "2030-01-01T00:00:00Z"}), True, "sale"),
        (Told(body={"frozen": False, "reason": "sale"}), False, ""),
        (Told(body="true"), True, ""),
        (Told(body="open", content_type="text/plain"), False, ""),
        (Told(status=204), False, ""),
    ],
)
def test_an_endpoint_tells_of_a_freeze(told, frozen, reason):
    with answering(told) as url:
        (sign,) = fact(FREEZE, freeze=Freeze(url=url)).value.signs
    assert sign.says is not None
    assert sign.says.declared is frozen
    assert reason in sign.says.reason


@pytest.mark.parametrize(
    "told",
    [
        Told(status=404),
        Told(status=503),
        Told(body=""),
        Told(body="<html>log in</html>", content_type="text/html"),
        Told(status=302, headers={"Location": "/login"}),
        Told(body='{"frozen": fal', cut=5),
        Told(body='["a"]'),
    ],
)
def test_an_endpoint_that_says_anything_else_rules_no_freeze_out(told):
    with answering(told) as url:
        (sign,) = fact(FREEZE, freeze=Freeze(url=url)).value.signs
    assert sign.says is None
    assert sign.error


def test_a_prefect_variable_without_a_prefect_server_rules_no_freeze_out(monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    (sign,) = fact(FREEZE, freeze=Freeze(variable="deployment_freeze")).value.signs
    assert "no Prefect API is configured" in sign.error


# --- calendars


def test_a_calendar_at_an_address_is_fetched():
    with answering(Told(body=CALENDAR, content_type="text/calendar")) as url:
        found = fact(CALENDARS, calendars=(CalendarSource(url=f"{url}/freeze.ics"),)).value
    assert found.errors == ()
    assert {each.reason for each in found.busy} == {"Daily"}
    assert len(found.busy) > 80


@pytest.mark.parametrize(
    "told", [Told(status=500), Told(body="<html>", content_type="text/html"), Told(body=CALENDAR, cut=40)]
)
def test_a_calendar_that_cannot_be_fetched_is_an_error_beside_those_that_can(told):
    with answering(told) as url:
        sources = (
            CalendarSource(url=f"{url}/freeze.ics"),
            CalendarSource(holidays="FR"),
            CalendarSource(file="gone.ics"),
        )
        found = fact(CALENDARS, calendars=sources).value
    assert len(found.errors) == 2
    assert any("freeze.ics" in error for error in found.errors)
    assert any("gone.ics" in error for error in found.errors)


# --- PagerDuty


def incident(number):
    return {
        "id": f"P{number}", "type": "incident", "incident_number": number, "title": f"Broken {number}",
        "status": "triggered", "urgency": "high", "created_at": "2026-11-27T10:00:00Z",
        "service": {"id": "PABC123", "type": "service_reference", "summary": "checkout"},
    }  # fmt: skip


@pytest.fixture
def token(monkeypatch):
    monkeypatch.setenv("PAGERDUTY_TOKEN", TOKEN)


def pages(path, query, headers):
    """Answer as PagerDuty does, two incidents a page."""
    assert headers["Authorization"] == f"Token token={TOKEN}"
    assert query["statuses[]"] == ["triggered", "acknowledged"]
    assert query["service_ids[]"] == ["PABC123"]
    offset = int(query.get("offset", ["0"])[0])
    found = [incident(n) for n in range(1, 6)][offset : offset + 2]
    return Told(body={"incidents": found, "offset": offset, "limit": 2, "more": offset + 2 < 5})


def test_all_pages_of_open_incidents_are_read(token, monkeypatch):
    with answering(pages) as url:
        monkeypatch.setenv("PAGERDUTY_API_URL", url)
        found = fact(PAGERDUTY, pagerduty=PagerDuty(("PABC123",), ("high",)))
    assert found.error == ""
    assert str(found.value.open[0]).startswith("#1 Broken 1 (checkout, high urgency)")
    assert len(found.value.open) == 5


@pytest.mark.parametrize(
    "told",
    [
        Told(status=401, body={"error": {"message": f"token {TOKEN} is bad"}}),
        Told(status=429, body="slow down"),
        Told(status=500, body="oops"),
        Told(body='{"incidents": [', cut=8),
        Told(body={"something": "else"}),
    ],
)
def test_a_pagerduty_that_does_not_answer_rules_no_incident_out_and_never_shows_the_token(
    token, monkeypatch, told
):
    with answering(told) as url:
        monkeypatch.setenv("PAGERDUTY_API_URL", url)
        found = fact(PAGERDUTY, pagerduty=PagerDuty(("PABC123",)))
    assert found.value is None
    assert "PagerDuty" in found.error
    assert TOKEN not in found.error


def test_a_missing_token_says_which_variable_to_set(monkeypatch):
    monkeypatch.delenv("PAGERDUTY_TOKEN", raising=False)
    assert "set PAGERDUTY_TOKEN" in fact(PAGERDUTY, pagerduty=PagerDuty(("PABC123",))).error


# --- Alertmanager


@pytest.mark.parametrize(
    "told",
    [
        Told(status=400, body="bad matcher"),
        Told(status=503),
        Told(body="[{]"),
        Told(body={"a": 1}),
        Told(body=[1]),
    ],
)
def test_an_alertmanager_that_does_not_answer_rules_no_alert_out(told):
    with answering(told) as url:
        found = fact(ALERTS, alertmanager=Alertmanager(url))
    assert found.value is None
    assert "Alertmanager" in found.error


def test_what_the_policy_does_not_name_is_not_asked():
    for key in (FREEZE, CALENDARS, PAGERDUTY, ALERTS):
        assert fact(key).error == ""
