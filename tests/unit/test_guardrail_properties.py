"""The algebra of the gate: what must hold for every policy, experiment, fact and moment."""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails import CHAIN, decide_all
from guardrails.caps import exceeded, pods_allowed
from guardrails.facts import ACTIVE_RUNS, HALT, TARGET, ActiveRuns, Facts, TargetSummary
from guardrails.hours import open_spans
from tests.unit.strategies import ZONES, caps, experiments, facts, moments, policies, targets, windows
from windtunnel.model.decision import Decision, Fact, Outcome, objections, worst

NO_TIME = timedelta(0)
outcomes = st.lists(st.sampled_from(Outcome), max_size=6)


def guard_that_answers(outcome, name="extra"):
    return SimpleNamespace(
        NAME=name, NEEDS=(), decide=lambda *_: Decision(name, outcome, "because it was told to")
    )


@st.composite
def questions(draw):
    now = draw(moments)
    return draw(policies()), draw(experiments()), draw(facts(now)), now


@given(question=questions(), extra=st.sampled_from(Outcome))
@settings(max_examples=40, deadline=None)
def test_adding_a_guard_never_makes_the_outcome_better(question, extra):
    before = worst(decide_all(*question))
    after = worst(decide_all(*question, chain=(*CHAIN, guard_that_answers(extra))))
    assert after >= before
    assert after is max(before, extra)


@given(question=questions(), order=st.permutations(CHAIN))
@settings(max_examples=40, deadline=None)
def test_the_order_of_the_guards_changes_nothing(question, order):
    decisions, shuffled = decide_all(*question), decide_all(*question, chain=order)
    assert worst(decisions) is worst(shuffled)
    assert set(decisions) == set(shuffled)


@given(
    question=questions(),
    lost=st.sampled_from([HALT.name, TARGET.name, ACTIVE_RUNS.name]),
    how=st.integers(0, 3),
)
@settings(max_examples=40, deadline=None)
def test_a_fact_that_cannot_be_known_never_allows_a_run(question, lost, how):
    policy, experiment, known, now = question
    rest = {name: fact for name, fact in known.by_name.items() if name != lost}
    broken = [
        {},
        {lost: Fact(now, error="refused")},
        {lost: Fact(now - timedelta(hours=1), 1)},
        {lost: Fact(now, "?")},
    ]
    decisions = decide_all(policy, experiment, Facts({**rest, **broken[how]}), now)
    assert worst(decisions) is not Outcome.ALLOW
    assert any(lost in decision.reason for decision in objections(decisions))


@given(outcomes=outcomes)
def test_unknown_never_allows(outcomes):
    chain = [guard_that_answers(outcome, f"guard-{place}") for place, outcome in enumerate(outcomes)]
    decisions = decide_all(None, None, Facts(), None, chain=chain)
    assert (worst(decisions) is Outcome.ALLOW) == (bool(outcomes) and set(outcomes) == {Outcome.ALLOW})
    assert len(objections(decisions)) == sum(outcome is not Outcome.ALLOW for outcome in outcomes)


@given(question=questions(), zone=st.sampled_from(ZONES))
@settings(max_examples=40, deadline=None)
def test_decisions_do_not_depend_on_the_zone_in_which_now_is_told(question, zone):
    policy, experiment, known, now = question
    here, there = decide_all(*question), decide_all(policy, experiment, known, now.astimezone(ZoneInfo(zone)))
    assert [d.outcome for d in here] == [d.outcome for d in there]
    assert [d.evidence.until for d in here] == [d.evidence.until for d in there]


@given(window=windows(), now=moments)
@settings(max_examples=40, deadline=None)
def test_a_window_is_open_exactly_when_the_wall_clock_of_its_zone_says_so(window, now):
    wall = now.astimezone(ZoneInfo(window.timezone))
    minutes = wall.hour * 60 + wall.minute
    start = window.start.hour * 60 + window.start.minute
    end = window.end.hour * 60 + window.end.minute if window.end else 24 * 60
    today, yesterday = wall.isoweekday() in window.days, (wall.isoweekday() - 2) % 7 + 1 in window.days
    if start < end:
        expected = today and start <= minutes < end
    else:
        expected = (today and minutes >= start) or (yesterday and minutes < end)
    assert any(span.holds(now) for span in open_spans([window], around=now, lasting=NO_TIME)) == expected


@given(found=st.lists(windows(), max_size=3), now=moments)
@settings(max_examples=40, deadline=None)
def test_open_spans_are_ordered_and_never_touch(found, now):
    spans = open_spans(found, around=now, lasting=NO_TIME)
    assert all(span.start < span.end for span in spans)
    assert all(before.end < after.start for before, after in pairwise(spans))


@given(caps=caps, target=targets(), experiment=experiments(), others=st.integers(0, 6))
@settings(max_examples=40, deadline=None)
def test_what_is_allowed_never_exceeds_a_cap(caps, target, experiment, others):
    if exceeded(caps, experiment, target, ActiveRuns(tuple(map(str, range(others))))):
        return
    assert target.planned_pods <= caps.pods
    assert 100 * target.planned_pods <= target.pods * Fraction(str(caps.percent))
    assert len(target.namespaces) <= caps.namespaces
    assert target.planned_nodes <= caps.nodes
    assert experiment.duration_s <= caps.duration_s
    assert others + 1 <= caps.concurrent_runs


@given(caps=caps, tighter=caps, target=targets(), experiment=experiments(), others=st.integers(0, 6))
@settings(max_examples=60, deadline=None)
def test_tightening_any_cap_never_lets_a_refused_run_through(caps, tighter, target, experiment, others):
    fields = ("pods", "percent", "nodes", "namespaces", "zones", "duration_s", "concurrent_runs")
    least = replace(caps, **{name: min(getattr(caps, name), getattr(tighter, name)) for name in fields})
    running = ActiveRuns(tuple(map(str, range(others))))
    before, after = (exceeded(each, experiment, target, running) for each in (caps, least))
    assert len(after) >= len(before)
    assert pods_allowed(least, of=target.pods) <= pods_allowed(caps, of=target.pods)


@given(caps=caps, fewer=st.integers(0, 500), more=st.integers(0, 500))
def test_of_more_pods_at_least_as_many_may_be_hit(caps, fewer, more):
    fewer, more = sorted((fewer, more))
    assert pods_allowed(caps, of=fewer) <= pods_allowed(caps, of=more) <= more


@given(caps=caps, pods=st.integers(0, 500))
def test_the_number_of_pods_allowed_is_what_the_caps_guard_lets_pass(caps, pods):
    most = pods_allowed(caps, of=pods)
    assert not any("pod" in clause for clause in clauses(caps, pods=pods, planned=most))
    assert any("pod" in clause for clause in clauses(caps, pods=pods, planned=most + 1))


def clauses(caps, *, pods, planned):
    experiment = SimpleNamespace(duration_s=0.0)
    return exceeded(caps, experiment, TargetSummary(pods=pods, planned_pods=planned), ActiveRuns())


@given(question=questions())
@settings(max_examples=40, deadline=None)
def test_the_next_allowed_time_is_allowed_by_the_window(question):
    policy, experiment, known, now = question
    chain = [guard for guard in CHAIN if guard.NAME == "window"]
    (decision,) = decide_all(*question, chain=chain)
    if decision.evidence.until is not None:
        assert decision.evidence.until > now
        (then,) = decide_all(policy, experiment, known, decision.evidence.until, chain=chain)
        assert then.outcome is Outcome.ALLOW
