"""How often runs inject: time between two on one thing, and runs of one day. Each test flips one thing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails import decide_all, frequency
from guardrails.frequency import HISTORY, Past, judge
from tests.unit.guardrail_start import EXPERIMENT, FACTS, NOW, POLICY, decide, facts_at, only_objection
from tests.unit.strategies import moments, zones
from windtunnel.model import history as model
from windtunnel.model.decision import Fact, Outcome, worst
from windtunnel.model.history import History, PastRun, history_of, history_text
from windtunnel.model.policy import Caps, Policy

CHECKOUT, CATALOG = "shop/deployment/checkout", "shop/deployment/catalog"
EVERY_8H = replace(POLICY, min_interval_s=8 * 3600.0)
TWO_A_DAY = replace(POLICY, caps=Caps(runs_per_day=2))


def ran(*ago, hit=CHECKOUT, forgotten=None, now=NOW):
    """Give the fact of runs that injected so long ago."""
    runs = tuple(PastRun(f"run-{n}", now - delta, frozenset({hit})) for n, delta in enumerate(ago))
    return FACTS.with_fact(HISTORY, Fact(NOW, Past(History(runs, forgotten), frozenset({CHECKOUT}))))


def hours(number):
    return timedelta(hours=number)


def test_a_policy_without_limits_asks_for_no_history():
    facts = FACTS.with_fact(HISTORY, Fact(NOW, error="connection refused"))
    assert worst(decide(facts=facts)) is Outcome.ALLOW


@pytest.mark.parametrize("policy", [EVERY_8H, TWO_A_DAY], ids=["interval", "day"])
def test_a_history_that_cannot_be_read_refuses(policy):
    facts = FACTS.with_fact(HISTORY, Fact(NOW, error="it makes no sense"))
    objection = only_objection(policy=policy, facts=facts)
    assert (objection.guardrail, objection.outcome) == ("frequency", Outcome.UNKNOWN)
    assert "it makes no sense" in objection.reason


def test_a_run_too_soon_after_another_on_the_same_thing_is_refused_until_then():
    objection = only_objection(policy=EVERY_8H, facts=ran(hours(9), hours(3)))
    assert (objection.guardrail, objection.outcome) == ("frequency", Outcome.DENY)
    assert objection.reason == (
        "Too often: shop/deployment/checkout was hit 3h ago by run-1, less than the min_interval 8h. "
        "The next run may inject from Mon 2026-11-23 15:30 CET on."
    )
    assert objection.evidence.until == NOW + hours(5)


@pytest.mark.parametrize("facts", [ran(hours(8)), ran(hours(1), hit=CATALOG), ran()])
def test_a_run_long_after_another_or_on_another_thing_is_allowed(facts):
    assert worst(decide(policy=EVERY_8H, facts=facts)) is Outcome.ALLOW


def test_a_run_from_the_future_counts():
    objection = only_objection(policy=EVERY_8H, facts=ran(hours(-1)))
    assert "was hit 1h in the future (check the clocks) by run-0" in objection.reason
    assert objection.evidence.until == NOW + hours(9)


def test_what_was_dropped_from_the_history_may_have_hit_anything():
    objection = only_objection(policy=EVERY_8H, facts=ran(forgotten=NOW - hours(7)))
    assert "the target was hit 7h ago by a run whose record was dropped" in objection.reason
    assert worst(decide(policy=EVERY_8H, facts=ran(forgotten=NOW - hours(8)))) is Outcome.ALLOW


def test_one_run_too_many_of_a_day_is_refused_until_midnight():
    objection = only_objection(policy=TWO_A_DAY, facts=ran(hours(2), hours(3), hit=CATALOG))
    assert objection.reason == (
        "Too often: would be run 3 of Mon 2026-11-23 in Europe/Paris > cap 2. "
        "The next run may inject from Tue 2026-11-24 00:00 CET on."
    )
    assert objection.evidence.until == datetime(2026, 11, 23, 23, tzinfo=UTC)


@pytest.mark.parametrize("facts", [ran(hours(1)), ran(hours(1), hours(11)), ran(hours(11), hours(12))])
def test_runs_of_yesterday_do_not_count(facts):
    assert worst(decide(policy=TWO_A_DAY, facts=facts)) is Outcome.ALLOW  # midnight was 10.5 hours ago


def test_a_day_whose_runs_were_dropped_in_part_is_full():
    assert only_objection(policy=TWO_A_DAY, facts=ran(forgotten=NOW - hours(1))).outcome is Outcome.DENY


@pytest.mark.parametrize(
    ("now", "midnight"),
    [
        ("2026-03-28T23:30Z", "2026-03-29T22:00Z"),  # clocks go forward in the night: a day of 23 hours
        ("2026-10-24T22:30Z", "2026-10-25T23:00Z"),  # and back: a day of 25
    ],
)
def test_a_day_ends_at_midnight_also_when_clocks_change(now, midnight):
    at = datetime.fromisoformat(now)
    past = Past(History((PastRun("a", at), PastRun("b", at))), frozenset())
    decision = judge(replace(TWO_A_DAY, windows={}), past, at)
    assert decision.evidence.until == datetime.fromisoformat(midnight)


def test_both_reasons_are_told_and_the_later_end_counts():
    policy = replace(EVERY_8H, caps=Caps(runs_per_day=1))
    objection = only_objection(policy=policy, facts=ran(hours(1)))
    assert "was hit 1h ago" in objection.reason
    assert "would be run 2" in objection.reason
    assert objection.evidence.until == datetime(2026, 11, 23, 23, tzinfo=UTC)


def test_each_layer_of_policies_is_asked_with_its_own_limits():
    facts = ran(hours(3))
    (loose,) = decide_all(POLICY, EXPERIMENT, facts, NOW, chain=[frequency])
    (strict,) = decide_all(EVERY_8H, EXPERIMENT, facts, NOW, chain=[frequency])
    assert (loose.outcome, strict.outcome) == (Outcome.ALLOW, Outcome.DENY)


things = st.frozensets(st.sampled_from([CHECKOUT, CATALOG, "node/a"]), max_size=3)


@st.composite
def pasts(draw, now):
    ago = st.integers(-100_000, 900_000).map(lambda s: now - timedelta(seconds=s))
    runs = [PastRun(f"r{n}", at, draw(things)) for n, at in enumerate(draw(st.lists(ago, max_size=6)))]
    return Past(History(tuple(runs), draw(ago | st.none())), draw(things))


@given(data=st.data(), now=moments, zone=zones, interval=st.integers(0, 700_000), most=st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_a_refusal_lasts_exactly_until_the_time_it_names(data, now, zone, interval, most):
    policy = Policy(timezone=zone, min_interval_s=float(interval), caps=Caps(runs_per_day=most))
    past = data.draw(pasts(now))
    decision = judge(policy, past, now)
    if decision.outcome is Outcome.DENY:
        until = decision.evidence.until
        assert until > now
        assert judge(policy, past, until).outcome is Outcome.ALLOW
        assert judge(policy, past, until - timedelta(seconds=1)).outcome is Outcome.DENY


@given(data=st.data(), now=moments, zone=zones, interval=st.integers(1, 700_000), most=st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_what_is_allowed_breaks_neither_limit(data, now, zone, interval, most):
    policy = Policy(timezone=zone, min_interval_s=float(interval), caps=Caps(runs_per_day=most))
    past = data.draw(pasts(now))
    if judge(policy, past, now).outcome is not Outcome.ALLOW:
        return
    today = now.astimezone(ZoneInfo(zone)).date()
    assert sum(run.at.astimezone(ZoneInfo(zone)).date() >= today for run in past.history.runs) < most
    for run in past.history.runs:
        assert not run.hit & past.hit or (now - run.at).total_seconds() >= interval


@given(data=st.data(), now=moments, more=moments)
@settings(max_examples=50, deadline=None)
def test_one_more_run_in_the_past_never_allows_what_was_refused(data, now, more):
    policy = Policy(min_interval_s=3600.0, caps=Caps(runs_per_day=2))
    past = data.draw(pasts(now))
    one = PastRun("one-more", more, frozenset({CHECKOUT}))
    after = Past(History((*past.history.runs, one), past.history.forgotten_until), past.hit)
    assert judge(policy, after, now).outcome >= judge(policy, past, now).outcome


# --- the history itself


@given(data=st.data(), now=moments)
@settings(max_examples=50, deadline=None)
def test_a_history_is_read_as_it_was_written(data, now):
    known = data.draw(pasts(now)).history
    assert history_of(history_text(known)) == known


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"forgotten_until": null}',
        '{"forgotten_until": null, "runs": [{}]}',
        '{"forgotten_until": null, "runs": [{"run": "a", "at": "soon", "hit": []}]}',
        '{"forgotten_until": null, "runs": [{"run": "a", "at": "2026-11-23T09:30:00Z", "hit": "x"}]}',
        '{"forgotten_until": "2026-11-23T09:30:00", "runs": []}',
    ],
)
def test_a_history_that_makes_no_sense_is_none(text):
    with pytest.raises(ValueError, match=r"."):
        history_of(text)


def test_a_run_is_in_the_history_once_with_its_last_injection():
    known = History().including(PastRun("a", NOW - hours(1)), now=NOW).including(PastRun("a", NOW), now=NOW)
    assert known.runs == (PastRun("a", NOW),)
    assert known.without("a") == History()


def test_a_history_stays_within_its_bounds_and_says_what_it_dropped(monkeypatch):
    monkeypatch.setattr(model, "MOST_RUNS", 3)
    known = History()
    for n in range(5):
        known = known.including(PastRun(f"r{n}", NOW + hours(n)), now=NOW + hours(n))
    assert [run.run_id for run in known.runs] == ["r2", "r3", "r4"]
    assert known.forgotten_until == NOW + hours(1)
    old = known.including(
        PastRun("late", NOW + timedelta(days=400, hours=3)), now=NOW + timedelta(days=400, hours=3)
    )
    assert [run.run_id for run in old.runs] == ["r3", "r4", "late"]


def test_a_run_too_large_for_the_history_is_dropped_with_its_date():
    huge = PastRun("huge", NOW, frozenset(f"shop/deployment/{n:0200}" for n in range(4000)))
    assert History().including(huge, now=NOW) == History((), NOW)


@pytest.mark.parametrize("count", [0, 1000])
def test_a_full_history_fits_into_a_config_map(count):
    known = History()
    runs = tuple(PastRun(f"r{n}", NOW, frozenset({CHECKOUT})) for n in range(count))
    known = History(runs).including(PastRun("last", NOW, frozenset({CATALOG})), now=NOW)
    assert len(history_text(known)) < 900_000
    assert known.find("last") is not None


def test_facts_of_now_are_what_the_chain_is_asked_with():
    later = NOW + hours(1)
    assert worst(decide(policy=EVERY_8H, facts=facts_at(later), now=later)) is Outcome.ALLOW
