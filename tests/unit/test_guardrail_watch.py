"""What stops a run that is under way: failures in a row, percentiles, sight, incidents, budgets, freezes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.abort import breaches
from guardrails.blackout import CALENDARS
from guardrails.deadline import past_its_time
from guardrails.error_budget import SPENT, BudgetSpent
from guardrails.facts import HALT, TARGET, Facts, HaltLever
from guardrails.freeze import FREEZE, Freezes, Sign
from guardrails.incidents import ALERTS, PAGERDUTY, Incident, Incidents
from guardrails.sight import blind
from guardrails.watch import facts_watched, must_stop
from tests.unit.guardrail_start import EXPERIMENT, FULL, SUMMARY
from windtunnel.files.abort_words import abort_condition
from windtunnel.model.calendar import Busy, Calendars
from windtunnel.model.decision import Fact
from windtunnel.model.declaration import Declaration
from windtunnel.model.experiment import HttpProbe, Probe
from windtunnel.model.policy import Policy
from windtunnel.model.record import Phase, Sample
from windtunnel.model.rule_sources import CalendarSource

START = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
PAGE = Probe("page", HttpProbe("http://page/"), interval_s=1, timeout_s=2)
BUDGETED = replace(
    FULL,
    calendars=(CalendarSource(file="freeze.ics"),),
    error_budget=replace(FULL.error_budget, error_ratio="bad[$window]"),
)


def at(seconds):
    return START + timedelta(seconds=seconds)


def look(second, value=0.1, *, ok=True, phase=Phase.DURING, error=""):
    return Sample(at(second), "page", phase, ok, value, took_s=0.0, error=error)


def stopped(condition, samples, *, now):
    run = replace(EXPERIMENT, steady_state=(PAGE,), abort_when=(abort_condition(condition),))
    return breaches(Policy(), run, samples, injected_at=START, now=at(now))


# --- failures in a row


@pytest.mark.parametrize(
    ("oks", "expected"),
    [
        ([True, False, False], False),
        ([True, False, False, False], True),
        ([False, None, False], True),  # no answer is a failure as well
        ([False, False, True, False], False),  # a good look begins the count again
    ],
)
def test_failures_in_a_row_stop_a_run(oks, expected):
    samples = [look(second, ok=ok) for second, ok in enumerate(oks)]
    found = stopped("page fails 3 times", samples, now=len(oks))
    assert bool(found) is expected
    if expected:
        assert found[0].reason == "page failed 3 times in a row, and 3 stop the run."


def test_looks_that_never_come_back_are_failures_too():
    samples = [look(0, ok=False), look(1, ok=False)]
    assert not stopped("page fails 3 times", samples, now=4)
    assert stopped("page fails 3 times", samples, now=5.1)
    assert not stopped("page fails 3 times", [look(0)], now=6)  # due at 1 and at 2, each with three seconds
    assert stopped("page fails 3 times", [look(0)], now=6.1)


# --- percentiles


def test_a_percentile_over_a_time_stops_a_run_once_the_time_has_passed():
    samples = [look(second, 0.1 if second % 10 else 0.9) for second in range(30)]  # one in ten is slow
    assert not stopped("p90 of page > 500ms over 20s", samples, now=29.5)
    (stop,) = stopped("p95 of page > 500ms over 20s", samples, now=29.5)
    assert stop.reason == "p95 of page over 20s is 0.9, and > 0.5 stops the run."
    assert not stopped("p95 of page > 500ms over 20s", samples[:15], now=14.5)


def test_looks_that_never_come_back_are_the_worst_of_a_percentile():
    samples = [look(second) for second in range(20)]
    assert not stopped("p95 of page > 5 over 20s", samples, now=23)
    (stop,) = stopped("p95 of page > 5 over 20s", samples, now=26)
    assert "is no answer" in stop.reason


@given(
    values=st.lists(st.floats(0, 10), min_size=20, max_size=20),
    place=st.integers(0, 19),
    worse=st.sampled_from([None, 50.0]),
)
def test_a_worse_or_missing_look_never_takes_a_percentile_stop_away(values, place, worse):
    samples = [look(second, value) for second, value in enumerate(values)]
    before = stopped("p80 of page > 5 over 20s", samples, now=20)
    samples[place] = look(place, worse, ok=None if worse is None else True)
    after = stopped("p80 of page > 5 over 20s", samples, now=20)
    assert bool(after) or not before


# --- sight


def test_a_probe_without_an_answer_for_too_long_stops_a_run_and_says_why():
    run = replace(EXPERIMENT, steady_state=(PAGE,))
    samples = [look(0), *(look(second, None, ok=None, error="connection refused") for second in range(1, 32))]
    assert blind(Policy(), run, samples, injected_at=START, now=at(30.9)) == ()
    (stop,) = blind(Policy(), run, samples, injected_at=START, now=at(31))
    assert (stop.by, stop.since) == ("sight", at(1))
    assert stop.reason == "page has had no answer for 30s >= 30s: connection refused."


def test_a_slow_probe_is_not_taken_for_blindness():
    slow = replace(EXPERIMENT, steady_state=(replace(PAGE, interval_s=60),))
    assert blind(Policy(), slow, [look(0)], injected_at=START, now=at(89)) == ()
    assert blind(Policy(), slow, [look(0)], injected_at=START, now=at(90))


def test_a_look_that_may_take_long_is_not_taken_for_blindness():
    patient = replace(EXPERIMENT, steady_state=(replace(PAGE, timeout_s=60),))
    answered = replace(look(0), took_s=35.0)
    assert blind(Policy(), patient, [answered], injected_at=START, now=at(95)) == ()
    assert blind(Policy(), patient, [answered], injected_at=START, now=at(96.1))


def test_the_shortest_patience_of_all_policies_counts():
    run = replace(EXPERIMENT, steady_state=(PAGE,))
    policy = Policy(ceiling=Policy(blind_after_s=5))
    assert blind(policy, run, [look(0)], injected_at=START, now=at(6))


# --- deadline


@pytest.mark.parametrize(
    ("since", "inject_over", "undo_here"), [(60, True, False), (61, False, False), (65.1, True, True)]
)
def test_a_run_is_held_to_its_duration(since, inject_over, undo_here):
    why, here = past_its_time(EXPERIMENT, since_injection_s=since, inject_over=inject_over)
    assert (bool(why), here) == (since > 60, undo_here)


# --- facts


GOOD = {
    HALT.name: Fact(START, HaltLever(pulled=False)),
    TARGET.name: Fact(START, SUMMARY),
    CALENDARS.name: Fact(START, Calendars()),
    FREEZE.name: Fact(START, Freezes((Sign("configmap ops/freeze", Declaration(declared=False)),))),
    PAGERDUTY.name: Fact(START, Incidents()),
    ALERTS.name: Fact(START, Incidents()),
    SPENT.name: Fact(START, BudgetSpent(0.001, 30)),
}


FROZEN = Declaration(declared=True, reason="sale")
ANNOTATED = {"namespace shop": {"example.com/freeze": "sale"}}


def stops(*, now=0, **changed):
    facts = Facts({**GOOD, **{name: Fact(START, value) for name, value in changed.items()}})
    return must_stop(BUDGETED, EXPERIMENT, facts, at(now))


def test_nothing_stops_a_run_while_all_is_well():
    assert stops() == ()


@pytest.mark.parametrize(
    ("changed", "by", "words"),
    [
        ({"pagerduty": Incidents((Incident("#7 Checkout is down (shop, high urgency)"),))}, "incident", "#7"),
        ({"alerts": Incidents((Incident("HighErrors (severity=critical)"),))}, "incident", "HighErrors"),
        ({"budget_spent": BudgetSpent(1.0, 27)}, "budget", "1.04% of the error budget > 1.00%"),
        ({"freeze": Freezes((Sign("variable", FROZEN),))}, "freeze", "sale"),
        ({"freeze": Freezes((Sign("variable", error="403"),))}, "sight", "403"),
        ({"calendars": Calendars((Busy(at(-1), at(9), "release", "freeze.ics"),))}, "window", "release"),
        ({"calendars": Calendars(errors=("freeze.ics answered 503",))}, "sight", "answered 503"),
        ({"halt": HaltLever(pulled=True, reason="enough")}, "halt", "enough"),
        ({"target": replace(SUMMARY, annotations=ANNOTATED)}, "freeze", "sale"),
    ],
)  # fmt: skip
def test_what_goes_wrong_elsewhere_during_a_run_stops_it(changed, by, words):
    (stop,) = stops(**changed)
    assert stop.by == by
    assert words in stop.reason


def test_a_burn_rate_that_the_policy_names_stops_a_run_before_it_has_spent_its_share():
    policy = replace(BUDGETED, error_budget=replace(BUDGETED.error_budget, burn_rate=14.4))
    for ratio, found in ((0.0144, 0), (0.0145, 1)):  # of 0.001 that are allowed
        facts = Facts({**GOOD, SPENT.name: Fact(START, BudgetSpent(ratio, 15))})
        stops = must_stop(policy, EXPERIMENT, facts, START)
        assert [stop.by for stop in stops] == ["budget"] * found


def test_what_a_run_may_spend_is_worked_out_by_hand():
    # 99.9% over 30 d leaves 0.001 * 2,592,000 s = 2,592 s; 25 s of total failure are 25 / 2,592 = 0.96%.
    assert stops(budget_spent=BudgetSpent(1.0, 25)) == ()


@pytest.mark.parametrize(("age", "by"), [(59, set()), (61, {"halt", "sight"})])
def test_silence_becomes_a_stop_once_the_last_reading_is_too_old(age, by):
    fresh = {HALT.name: Fact(at(age), HaltLever(pulled=False)), SPENT.name: Fact(at(age), BudgetSpent())}
    fresh |= {FREEZE.name: Fact(at(age), Freezes())}
    facts = Facts({**GOOD, **fresh})
    found = {stop.by for stop in must_stop(BUDGETED, EXPERIMENT, facts, at(age))}
    assert found == by - {"halt"}


def test_every_missing_fact_stops_a_run_whose_policy_needs_it():
    needed = facts_watched(BUDGETED)
    assert needed == set(GOOD)
    for name in needed:
        facts = Facts({key: fact for key, fact in GOOD.items() if key != name})
        assert {stop.by for stop in must_stop(BUDGETED, EXPERIMENT, facts, START)} <= {"halt", "sight"}
        assert must_stop(BUDGETED, EXPERIMENT, facts, START)


def test_a_policy_that_names_nothing_is_watched_for_the_lever_alone():
    assert facts_watched(Policy()) == {HALT.name}


# --- the words


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("page fails 0 times", "0 failures are none"),
        ("p0 of page > 1 over 30s", "p0 is no percentile"),
        ("p101 of page > 1 over 30s", "p101 is no percentile"),
        ("p95 of page > 1", "a percentile needs a time"),
        ("p95 of page > 1 for 30s", "write `p95 of page > 1 over 30s`"),
        ("p95 page > 1 over 30s", "only a percentile is taken over a time"),
        ("p95 of page == 1 over 30s", "compared with <, <=, > or >="),
        ("p95 of page > 5 minutes over 30s", "not a"),
        ("page fails often", "is not an abort condition"),
    ],
)
def test_a_condition_that_cannot_be_meant_is_refused(text, says):
    with pytest.raises(ValueError, match=says):
        abort_condition(text)


@pytest.mark.parametrize(
    "text",
    ["page < 0.9 for 5s", "page fails 3 times", "p99.9 of front page >= 0.5 over 30s", "page > 2"],
)
def test_a_condition_is_written_as_it_is_read(text):
    assert str(abort_condition(text)) == text
