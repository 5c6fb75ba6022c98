"""Facts from outside the cluster, from real servers on loopback: freezes, calendars, what is spent."""

import logging
from types import SimpleNamespace

import pytest

from guardrails.blackout import CALENDARS
from guardrails.error_budget import SPENT, BudgetSpent
from guardrails.freeze import FREEZE
from guardrails.incidents import ALERTS, PAGERDUTY
from tasks.facts import gather
from tasks.live_run import LiveRun
from tasks.request import RunRequest
from tests.unit.guardrail_start import EXPERIMENT
from tests.unit.loopback import Told, answering
from windtunnel.clock import SystemClock
from windtunnel.model.decision import Fact
from windtunnel.model.duration import format_duration
from windtunnel.model.policy import Policy
from windtunnel.model.rule_sources import CalendarSource, ErrorBudget, Freeze

CALENDAR = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:t\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n"
    "SUMMARY:Daily\r\nDTSTART:20260101T000000Z\r\nDTEND:20260101T010000Z\r\nRRULE:FREQ=DAILY\r\n"
    "END:VEVENT\r\nEND:VCALENDAR\r\n"
)


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
        Told(body="null"),
        Told(body='""'),
    ],
)
def test_an_endpoint_that_says_anything_else_rules_no_freeze_out(told):
    with answering(told) as url:
        (sign,) = fact(FREEZE, freeze=Freeze(url=url)).value.signs
    assert sign.says is None
    assert sign.error


def test_a_prefect_variable_whose_server_cannot_be_reached_rules_no_freeze_out():
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}):
        (sign,) = fact(FREEZE, freeze=Freeze(variable="deployment_freeze")).value.signs
    assert sign.says is None
    assert "reading the Prefect variable deployment_freeze at http://127.0.0.1:1/api" in sign.error


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


# --- what a run has spent


def spending(body, *, seconds):
    """Gather what a run has spent that injected *seconds* ago; give the fact and the queries."""
    asked = []

    def answer(path, query, _headers):
        asked.append(query["query"][0])
        return Told(body=body)

    with answering(answer) as url:
        budget = ErrorBudget(objective=0.999, error_ratio="bad[$window]")
        policy = Policy(prometheus_url=url, error_budget=budget)
        request = RunRequest(experiment_text="x")
        run = LiveRun(
            run_id="r", seed=1, request=request, experiment=EXPERIMENT, policy=policy, ledger=None,
            clock=SystemClock(), log=logging.getLogger("t"),
        )  # fmt: skip
        if seconds is not None:
            run.injecting_since = run.clock.monotonic() - seconds
        return gather(run, [SPENT.name], policy=policy).by_name[SPENT.name], asked


def one(value):
    return {
        "status": "success",
        "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, value]}]},
    }


def test_what_a_run_spends_is_asked_over_the_time_since_its_injection():
    fact, asked = spending(one("0.25"), seconds=59.2)
    assert fact.value.error_ratio == 0.25
    assert fact.value.lasting_s in {60.0, 61.0, 62.0}  # whole seconds, on a machine that may be busy
    assert asked == [f"bad[{format_duration(fact.value.lasting_s)}]"]
    fact, asked = spending(one("0.25"), seconds=1.0)
    assert (fact.value.lasting_s, asked) == (15.0, ["bad[15s]"])


def test_nothing_is_spent_and_nothing_asked_before_the_injection():
    fact, asked = spending(one("1"), seconds=None)
    assert (fact.value, asked) == (BudgetSpent(), [])


@pytest.mark.parametrize(
    "body", [one("NaN"), one("1.5"), one("-1"), one("0") | {"data": {"resultType": "vector", "result": []}}]
)
def test_what_is_no_share_of_one_tells_nothing_of_what_is_spent(body):
    fact, _ = spending(body, seconds=30)
    assert fact.value is None
    assert fact.error


def test_what_the_policy_does_not_name_is_not_asked():
    for key in (FREEZE, CALENDARS, PAGERDUTY, ALERTS, SPENT):
        assert fact(key).error == ""


def test_a_404_that_is_not_prefect_s_rules_no_freeze_out():
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with (
        answering(Told(status=404, body="default backend - 404", content_type="text/plain")) as url,
        temporary_settings({PREFECT_API_URL: f"{url}/api"}),
    ):
        (sign,) = fact(FREEZE, freeze=Freeze(variable="deployment_freeze")).value.signs
    assert sign.says is None
    assert "no Prefect server answers there" in sign.error
