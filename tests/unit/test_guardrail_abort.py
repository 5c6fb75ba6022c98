"""Must it stop: conditions over samples, the lever and the hours, while a fault is active."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from guardrails.abort import breaches
from guardrails.facts import HALT, Facts, HaltLever
from guardrails.watch import must_stop
from windtunnel.model.comparison import parse_comparison
from windtunnel.model.decision import Fact
from windtunnel.model.experiment import (
    AbortCondition,
    Experiment,
    FaultSpec,
    Probe,
    PrometheusProbe,
    Schedule,
    Target,
)
from windtunnel.model.policy import Blackout, Policy, Window
from windtunnel.model.record import Phase, Sample

START = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
LOW = AbortCondition("ratio", parse_comparison("< 0.9"), for_s=5)
PROBE = Probe("ratio", PrometheusProbe("q", parse_comparison(">= 0.99")), interval_s=1, timeout_s=2)
EXPERIMENT = Experiment(
    name="x",
    hypothesis="h",
    owner="o",
    target=Target(namespace="shop", workload="deployment/checkout"),
    steady_state=(PROBE,),
    faults=(FaultSpec("pod-delete", {}),),
    duration_s=60,
    recover_within_s=30,
    abort_when=(LOW,),
)
POLICY = Policy()
RELEASED = Facts({HALT.name: Fact(START, HaltLever(pulled=False))})


def at(seconds):
    return START + timedelta(seconds=seconds)


def sample(seconds, value, *, probe="ratio", phase=Phase.DURING, ok=True):
    return Sample(at(seconds), probe, phase, ok, value, took_s=0.01)


def stops(values, *, now, experiment=EXPERIMENT, policy=POLICY):
    """Return what stops a run whose probe gave *values*, one a second."""
    samples = [
        value if isinstance(value, Sample) else sample(place, value) for place, value in enumerate(values)
    ]
    return breaches(policy, experiment, samples, injected_at=START, now=at(now))


def unanswered(seconds):
    return sample(seconds, None, ok=None)


@pytest.mark.parametrize(
    ("values", "now", "expected"),
    [
        ([1, 1, 1, 1, 1, 1, 1], 6.5, False),
        ([0.5, 0.5, 0.5, 0.5, 0.5], 4.9, False),
        ([0.5, 0.5, 0.5, 0.5, 0.5, 0.5], 5, True),
        ([0.5, 0.5, 0.5, 1, 0.5, 0.5, 0.5], 6.9, False),  # one good look begins the count again
        ([1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5], 6, True),
        ([0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 1], 6.1, False),  # it is over
        ([0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9], 6.5, False),  # the bound itself is no breach
        ([0.5, 0.5, float("nan"), 0.5, 0.5, 0.5], 5, True),  # a number that is none cannot break the row
    ],
)
def test_a_condition_must_hold_for_its_time_without_a_break(values, now, expected):
    assert bool(stops(values, now=now)) is expected


def test_a_stop_says_since_when_and_names_both_numbers():
    (stop,) = stops([1, 0.5, 0.25, 0.25, 0.25, 0.25, 0.25], now=6.5)
    assert (stop.by, stop.since, stop.condition) == ("condition", at(1), LOW)
    assert (stop.evidence.observed, stop.evidence.limit) == ("0.25", "< 0.9")
    assert stop.reason == "ratio is 0.25, and < 0.9 stops the run, for 5s500ms >= 5s."


def test_a_condition_without_a_time_stops_at_the_first_bad_look():
    experiment = replace(EXPERIMENT, abort_when=(replace(LOW, for_s=0),))
    (stop,) = stops([1, 0.5], now=1, experiment=experiment)
    assert stop.reason == "ratio is 0.5, and < 0.9 stops the run."


def test_a_probe_that_cannot_answer_for_the_hold_time_stops_the_run():
    answers = [1, *(unanswered(second) for second in range(1, 7))]
    assert not stops(answers[:5], now=4)
    (stop,) = stops(answers, now=6)
    assert stop.reason == "ratio could not be seen, for 5s >= 5s; it stops at < 0.9."


def test_bad_and_missing_answers_make_one_row():
    assert stops([1, 0.5, unanswered(2), 0.5, unanswered(4), 0.5, unanswered(6)], now=6)


def test_an_answer_without_a_number_counts_as_no_answer():
    experiment = replace(EXPERIMENT, abort_when=(replace(LOW, for_s=0),))
    assert stops([sample(0, None, ok=True)], now=0, experiment=experiment)


def test_a_probe_that_went_silent_stops_the_run():
    assert not stops([1, 1], now=4.5)  # its next look was due at 2 and may take until 5
    assert not stops([1, 1], now=6)  # silent, but not yet for five seconds
    (stop,) = stops([1, 1], now=7.1)
    assert (stop.since, stop.evidence.observed) == (at(2), "no answer")


def test_a_probe_that_never_said_a_word_stops_the_run():
    assert not stops([], now=3)
    assert stops([], now=5.1)[0].since == START


def test_looks_before_and_after_the_fault_do_not_count():
    baseline = [sample(-second, 0.1, phase=Phase.BASELINE) for second in range(8, 0, -1)]
    recovery = [sample(6, 0.1, phase=Phase.RECOVERY)]
    good = [sample(second, 1) for second in range(6)]
    assert not breaches(POLICY, EXPERIMENT, [*baseline, *good, *recovery], injected_at=START, now=at(6))


def test_other_probes_do_not_break_the_row():
    experiment = replace(EXPERIMENT, steady_state=(PROBE, replace(PROBE, name="other")))
    mixed = [look for s in range(7) for look in (sample(s, 0.5), sample(s, 1.0, probe="other"))]
    assert breaches(POLICY, experiment, mixed, injected_at=START, now=at(6))


def test_the_conditions_of_the_policy_stop_a_run_too():
    policy = replace(POLICY, abort_when=(AbortCondition("ratio", parse_comparison("< 0.99")), LOW))
    found = stops([0.95], now=0, policy=policy)
    assert [str(stop.condition) for stop in found] == ["ratio < 0.99"]


def test_a_condition_on_a_probe_that_nobody_looks_at_stops_the_run():
    policy = replace(POLICY, abort_when=(AbortCondition("nobody", parse_comparison("> 1")),))
    assert stops([1], now=0.1, policy=policy)[0].evidence.observed == "no answer"


# --- the lever and the hours


def test_nothing_stops_a_run_in_its_hours_with_the_lever_released():
    assert must_stop(POLICY, EXPERIMENT, RELEASED, START) == ()


def test_a_pulled_lever_stops():
    facts = Facts(
        {HALT.name: Fact(START, HaltLever(pulled=True, reason="incident", by="bo", pulled_at=at(-2)))}
    )
    (stop,) = must_stop(POLICY, EXPERIMENT, facts, START)
    assert (stop.by, stop.reason, stop.since) == (
        "halt",
        "The safety lever was pulled by bo: incident.",
        at(-2),
    )


def test_a_lever_that_cannot_be_read_counts_as_pulled_once_the_last_reading_is_too_old():
    assert must_stop(POLICY, EXPERIMENT, RELEASED, at(10)) == ()
    (stop,) = must_stop(POLICY, EXPERIMENT, RELEASED, at(11))
    assert stop.reason == (
        "The safety lever counts as pulled: the fact halt is 11s old > 10s, its longest useful age."
    )
    assert must_stop(POLICY, EXPERIMENT, Facts(), START)[0].by == "halt"


def test_the_end_of_the_window_stops_a_run():
    window = Window("office", frozenset({1}), time(9), time(9, 30), "UTC")
    policy = replace(POLICY, windows={"office": window})
    experiment = replace(EXPERIMENT, schedule=Schedule(window="office"))
    early = Facts({HALT.name: Fact(at(-1), HaltLever(pulled=False))})
    assert must_stop(policy, experiment, early, at(-1)) == ()
    (stop,) = must_stop(policy, experiment, RELEASED, START)
    assert (stop.by, stop.since) == ("window", START)
    assert stop.reason == "The window has closed: office Mon 09:00-09:30 UTC."


def test_a_blackout_that_begins_stops_a_run():
    policy = replace(POLICY, blackouts=(Blackout(at(5), at(60), "release", "UTC"),))
    assert must_stop(policy, EXPERIMENT, RELEASED, at(4)) == ()
    (stop,) = must_stop(policy, EXPERIMENT, RELEASED, at(5))
    assert stop.by == "window"
    assert stop.reason.endswith("(release).")
