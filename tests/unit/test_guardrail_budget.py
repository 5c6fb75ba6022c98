"""The error budget: its arithmetic, what the guardrail makes of readings, and what stops a run."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails import burn_rate, error_budget
from guardrails.error_budget import BUDGET, SPENT, BudgetReading, BudgetSpent
from guardrails.facts import TARGET, Facts
from guardrails.health import HEALTH, Health, QueryReading
from guardrails.incidents import ALERTS, Incident, Incidents
from tests.unit.guardrail_start import EXPERIMENT, FULL, FULL_FACTS, NOW, SUMMARY, only_objection
from windtunnel.model.decision import Fact, Outcome
from windtunnel.model.rule_sources import ErrorBudget

MONTH = 30 * 86400.0
RATIO = ErrorBudget(objective=0.999, error_ratio="r[$window]")
POLICY = replace(FULL, error_budget=RATIO)
QUIET = dict.fromkeys(burn_rate.windows(MONTH), 0.0005)  # half of what 99.9% allows


def objection(reading, policy=POLICY, **target):
    facts = FULL_FACTS.with_fact(BUDGET, Fact(NOW, reading))
    if target:
        facts = facts.with_fact(TARGET, Fact(NOW, replace(SUMMARY, **target)))
    found = error_budget.decide(policy, EXPERIMENT, facts, NOW)
    return found.outcome, found.reason


# --- arithmetic


def test_the_pairs_of_thirty_days_are_those_of_the_workbook():
    # 2% of 720 h in 1 h: 14.4; 5% in 6 h: 6; 10% in 24 h: 3; 10% in 72 h: 1
    hours = [(p.long_s / 3600, p.short_s / 60, round(p.threshold, 9)) for p in burn_rate.pairs(MONTH)]
    assert hours == [(1, 5, 14.4), (6, 30, 6), (24, 120, 3), (72, 360, 1)]


def test_pairs_that_would_fire_while_all_is_well_are_left_out_of_short_periods():
    # 7 d = 168 h: 2% -> 3.36; 5% in 6 h -> 1.4; 10% in 24 h -> 0.7 and 10% in 72 h -> 0.23 are below 1
    assert [round(p.threshold, 9) for p in burn_rate.pairs(7 * 86400.0)] == [3.36, 1.4]


def test_figures_worked_out_by_hand():
    # 99.9%: a ratio of 0.002 burns twice as fast as allowed, and over a whole period leaves 1 - 2 = -1
    assert burn_rate.burn_rate(0.002, 0.999) == pytest.approx(2)
    assert burn_rate.remaining(0.002, 0.999) == pytest.approx(-1)
    # one of three for 60 s: 20 s of 0.001 * 2592000 s = 2592 s, 0.7716%
    assert burn_rate.spent(1 / 3, 60, 0.999, MONTH) == pytest.approx(20 / 2592)


ratios = st.floats(0, 1)
objectives = st.floats(0.5, 0.99999)
periods = st.sampled_from([86400.0, 7 * 86400.0, 28 * 86400.0, MONTH, 90 * 86400.0])


@given(st.data(), objectives, periods)
def test_more_errors_never_turn_a_refusal_into_leave(data, objective, period_s):
    budget = ErrorBudget(objective=objective, period_s=period_s, error_ratio="r[$window]", spend_per_run=1.0)
    policy = replace(FULL, error_budget=budget)
    few = {window_s: data.draw(ratios) for window_s in burn_rate.windows(period_s)}
    many = {window_s: min(1.0, ratio + data.draw(ratios)) for window_s, ratio in few.items()}
    before, _ = objection(BudgetReading(few), policy)
    after, _ = objection(BudgetReading(many), policy)
    assert before is Outcome.ALLOW or after is Outcome.DENY


@given(ratios, ratios, st.floats(1, 3600), objectives)
def test_a_longer_or_worse_run_never_costs_less(one, other, lasting_s, objective):
    low, high = sorted((one, other))
    cheap = burn_rate.spent(low, lasting_s, objective, MONTH)
    assert burn_rate.spent(high, lasting_s, objective, MONTH) >= cheap
    assert burn_rate.spent(low, 2 * lasting_s, objective, MONTH) >= cheap


@given(st.dictionaries(st.sampled_from(burn_rate.windows(MONTH)), st.floats(), min_size=1))
def test_a_number_that_is_no_ratio_never_gives_leave(odd):
    outcome, _ = objection(BudgetReading({**QUIET, **odd}))
    assert outcome is not Outcome.ALLOW or all(-1e-9 <= ratio <= 1 + 1e-9 for ratio in odd.values())


# --- may it start


def test_a_quiet_budget_gives_leave():
    assert objection(BudgetReading(QUIET))[0] is Outcome.ALLOW


def test_less_than_what_is_kept_refuses():
    # 0.00095 / 0.001 = 95% spent, 5% left < 10%
    outcome, reason = objection(BudgetReading({**QUIET, MONTH: 0.00095}))
    assert outcome is Outcome.DENY
    assert "5.0% is left < 10.0% to keep" in reason


@pytest.mark.parametrize(("long_s", "short_s", "burn"), [(3600, 300, 14.5), (21600, 1800, 6.1)])
def test_a_burn_refuses_only_when_long_and_short_window_agree(long_s, short_s, burn):
    fast = burn * 0.001
    assert objection(BudgetReading({**QUIET, long_s: fast}))[0] is Outcome.ALLOW
    assert objection(BudgetReading({**QUIET, short_s: fast}))[0] is Outcome.ALLOW
    outcome, reason = objection(BudgetReading({**QUIET, long_s: fast, short_s: fast}))
    assert outcome is Outcome.DENY
    assert f"it burns {burn} times too fast" in reason


def test_a_run_may_not_cost_more_than_one_run_may_spend():
    # 3 of 4 pods for 60 s: 45 s of 2592 s = 1.74% > 1%
    outcome, reason = objection(BudgetReading(QUIET), planned_pods=3, pods=4)
    assert outcome is Outcome.DENY
    assert "the run may cost 1.74% > 1.00% that one run may spend" in reason


def test_a_run_may_not_reach_into_what_is_kept():
    # 89.5% spent leaves 10.5%; 15 s of 2592 s = 0.58% > 0.5%
    outcome, reason = objection(BudgetReading({**QUIET, MONTH: 0.000895}))
    assert outcome is Outcome.DENY
    assert "the run may cost 0.58% > 0.50% above what is kept" in reason


@pytest.mark.parametrize("odd", [-0.1, 1.1, float("inf"), float("-inf")])
def test_a_ratio_that_is_no_share_is_unknown(odd):
    outcome, reason = objection(BudgetReading({**QUIET, 300.0: odd}))
    assert outcome is Outcome.UNKNOWN
    assert "no share of 1" in reason


def test_a_percentage_in_place_of_a_fraction_is_unknown_and_the_answer_says_what_to_do():
    policy = replace(FULL, error_budget=ErrorBudget(objective=0.999, remaining="slo:left"))
    outcome, reason = objection(BudgetReading(remaining=50.0), policy)
    assert outcome is Outcome.UNKNOWN
    assert "divide a percentage by 100" in reason
    assert objection(BudgetReading(remaining=1.0 + 1e-12), policy)[0] is Outcome.ALLOW


def test_of_two_ways_to_tell_what_is_left_the_smaller_counts():
    policy = replace(POLICY, error_budget=replace(RATIO, remaining="slo:left"))
    assert objection(BudgetReading(QUIET, remaining=0.9), policy)[0] is Outcome.ALLOW
    outcome, reason = objection(BudgetReading(QUIET, remaining=0.05), policy)
    assert (outcome, "5.0% is left" in reason) == (Outcome.DENY, True)


def test_what_is_known_to_be_wrong_outranks_what_is_not_known_and_both_are_told():
    known = {window_s: ratio for window_s, ratio in QUIET.items() if window_s != 300.0}
    outcome, reason = objection(BudgetReading({**known, MONTH: 0.002}, errors=("5m: no data",)))
    assert outcome is Outcome.DENY
    assert "-100.0% is left" in reason
    assert "5m: no data" in reason
    outcome, _ = objection(BudgetReading(known, errors=("5m: no data",)))
    assert outcome is Outcome.UNKNOWN


# --- must it stop


def test_a_run_stops_when_it_has_spent_more_than_its_share():
    # all fails: 25.92 s are 1% of 2592 s
    spent = [stops(BudgetSpent(1.0, lasting_s)) for lasting_s in (15.0, 25.0, 26.0)]
    assert [len(found) for found in spent] == [0, 0, 1]
    (stop,) = spent[2]
    assert stop.by == "budget"
    assert "1.00% of the error budget > 1.00%" in stop.reason
    assert "burn rate of 1000.0" in stop.reason


def test_a_run_stops_when_its_cost_can_no_longer_be_seen():
    (stop,) = error_budget.stops(POLICY, EXPERIMENT, Facts({SPENT.name: Fact(NOW, error="no data")}), NOW)
    assert stop.by == "sight"


def stops(spent):
    return error_budget.stops(POLICY, EXPERIMENT, Facts({SPENT.name: Fact(NOW, spent)}), NOW)


# --- health and incidents


def test_every_series_that_does_not_hold_is_named_with_its_value():
    reading = QueryReading("up", (('up{job="a"}', 1.0), ('up{job="b"}', 0.0), ('up{job="c"}', float("nan"))))
    found = only_objection(policy=FULL, facts=FULL_FACTS.with_fact(HEALTH, Fact(NOW, Health((reading,)))))
    assert found.outcome is Outcome.DENY
    assert 'up{job="b"} is 0, up{job="c"} is NaN, expected == 1' in found.reason
    assert 'job="a"' not in found.reason


@pytest.mark.parametrize("reading", [QueryReading("up"), QueryReading("up", error="down"), QueryReading("x")])
def test_no_series_prove_no_health(reading):
    found = only_objection(policy=FULL, facts=FULL_FACTS.with_fact(HEALTH, Fact(NOW, Health((reading,)))))
    assert (found.guardrail, found.outcome) == ("health", Outcome.UNKNOWN)


def test_an_open_incident_is_named_with_its_beginning_and_its_address():
    burning = Incidents((Incident("#7 checkout is slow", NOW, "https://p.example/7"),))
    found = only_objection(policy=FULL, facts=FULL_FACTS.with_fact(ALERTS, Fact(NOW, burning)))
    assert found.outcome is Outcome.DENY
    assert "#7 checkout is slow, since 2026-11-23 09:30 UTC, https://p.example/7" in found.reason
