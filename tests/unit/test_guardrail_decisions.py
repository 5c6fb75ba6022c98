"""The chain as a whole, and the guardrails of time: lever, windows, blackouts. Each test flips one thing."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest

from guardrails import CHAIN, KEYS, decide_all, facts_needed
from guardrails.facts import HALT, TARGET, Facts, HaltLever
from tests.unit.guardrail_start import (
    EXPERIMENT,
    FACTS,
    FULL,
    FULL_FACTS,
    NOW,
    POLICY,
    SUMMARY,
    decide,
    facts_at,
    only_objection,
    refused,
)
from windtunnel.model.decision import Fact, Outcome, objections, worst
from windtunnel.model.experiment import Schedule
from windtunnel.model.policy import Blackout


def test_everything_is_allowed_at_the_start():
    assert worst(decide()) is Outcome.ALLOW
    assert [decision.guardrail for decision in decide()] == [guard.NAME for guard in CHAIN]


def test_every_fact_that_a_guardrail_needs_has_a_key():
    assert facts_needed() <= {key.name for key in KEYS}


def test_no_guardrail_at_all_is_not_an_allowance():
    assert worst(decide_all(POLICY, EXPERIMENT, FACTS, NOW, chain=())) is Outcome.UNKNOWN


def test_a_guardrail_that_breaks_refuses_and_says_so():
    def breaks(*_):
        return 1 / 0

    broken = SimpleNamespace(NAME="broken", NEEDS=(), decide=breaks)
    (decision,) = decide_all(POLICY, EXPERIMENT, FACTS, NOW, chain=[broken])
    assert decision.outcome is Outcome.UNKNOWN
    assert decision.reason == "Cannot check broken: it failed with ZeroDivisionError: division by zero."


def test_all_objections_are_reported_not_the_first():
    facts = FACTS.with_fact(HALT, Fact(NOW, HaltLever(pulled=True))).with_fact(
        TARGET, Fact(NOW, replace(SUMMARY, planned_pods=3, namespace_labels={}))
    )
    found = objections(decide(facts=facts, now=NOW + timedelta(seconds=5)))
    assert {decision.guardrail for decision in found} == {"halt", "caps", "opt_in"}


# --- the safety lever


def test_a_pulled_lever_refuses_with_its_reason():
    facts = FACTS.with_fact(HALT, Fact(NOW, HaltLever(pulled=True, reason="incident", by="ana")))
    assert refused(facts=facts) == (
        "halt",
        Outcome.DENY,
        (
            "The safety lever is pulled by ana: incident. "
            "Once it is safe, let experiments run again with `windtunnel resume`."
        ),
    )


@pytest.mark.parametrize(
    ("fact", "reason"),
    [
        (None, "the fact halt was not gathered"),
        (Fact(NOW, error="connection refused"), "the fact halt could not be observed: connection refused"),
        (Fact(NOW, None), "the fact halt holds NoneType, not HaltLever"),
        (Fact(NOW, "released"), "the fact halt holds str, not HaltLever"),
        (
            Fact(NOW - timedelta(seconds=11), HaltLever(pulled=False)),
            "the fact halt is 11s old > 10s, its longest useful age",
        ),
        (
            Fact(NOW + timedelta(minutes=5), HaltLever(pulled=False)),
            "the fact halt is from 300s in the future; check the clocks",
        ),
    ],
)
def test_a_lever_that_cannot_be_relied_on_refuses(fact, reason):
    rest = {name: known for name, known in FACTS.by_name.items() if name != HALT.name}
    facts = Facts(rest if fact is None else {**rest, HALT.name: fact})
    assert refused(facts=facts) == ("halt", Outcome.UNKNOWN, f"Cannot check halt: {reason}.")


# --- windows


def test_outside_every_window_is_refused_until_the_next_opening():
    objection = only_objection(now=NOW + timedelta(hours=9), facts=facts_at(NOW + timedelta(hours=9)))
    assert objection.outcome is Outcome.DENY
    assert objection.reason == (
        "Mon 2026-11-23 19:30 CET is outside the windows office, night; "
        "the next opening that is long enough starts Mon 2026-11-23 22:00 CET."
    )
    assert objection.evidence.until == datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
    assert objection.evidence.limit == (
        "office Mon-Thu 09:00-16:00 Europe/Paris; night Mon-Fri 22:00-02:00 Europe/Paris"
    )


def test_a_run_must_be_in_the_window_that_its_experiment_names():
    experiment = replace(EXPERIMENT, schedule=Schedule(window="night"))
    assert only_objection(experiment=experiment).guardrail == "window"


def test_a_run_that_would_not_have_recovered_when_the_window_closes_is_refused():
    late = datetime(2026, 11, 23, 14, 59, tzinfo=UTC)  # 15:59 in Paris
    objection = only_objection(now=late, facts=facts_at(late))
    assert objection.reason == (
        "The run needs 1m30s > 1m that are left of the windows office, night; "
        "the next opening that is long enough starts Mon 2026-11-23 22:00 CET."
    )


def test_a_run_that_just_fits_is_allowed():
    fits = datetime(2026, 11, 23, 14, 58, 30, tzinfo=UTC)
    assert worst(decide(now=fits, facts=facts_at(fits))) is Outcome.ALLOW


def test_a_run_that_fits_into_no_window_says_so():
    experiment = replace(EXPERIMENT, recover_within_s=8 * 3600)
    objection = only_objection(experiment=experiment)
    assert objection.evidence.until is None
    assert objection.reason.endswith("; no opening is long enough for it.")


def test_a_window_that_the_policy_does_not_have_is_refused():
    experiment = replace(EXPERIMENT, schedule=Schedule(window="offce"))
    assert refused(experiment=experiment) == (
        "window",
        Outcome.DENY,
        'The window "offce" is not in the policy (it has: office, night).',
    )


def test_a_policy_without_windows_allows_every_hour():
    assert worst(decide(policy=replace(POLICY, windows={}))) is Outcome.ALLOW


# --- blackouts


@pytest.mark.parametrize(
    ("start", "end", "until"),
    [
        (
            date(2026, 11, 23),
            date(2026, 11, 23),
            datetime(2026, 11, 23, 23, tzinfo=UTC),
        ),  # the end is included
        (date(2026, 11, 1), date(2026, 12, 1), datetime(2026, 12, 1, 23, tzinfo=UTC)),
        (datetime(2026, 11, 23, 10, 31), datetime(2026, 11, 23, 11), datetime(2026, 11, 23, 10, tzinfo=UTC)),  # noqa: DTZ001
        (NOW, NOW + timedelta(hours=1), NOW + timedelta(hours=1)),
    ],
)
def test_a_run_that_touches_a_blackout_is_refused_until_its_end(start, end, until):
    blackout = Blackout(start, end, "holiday freeze", "Europe/Paris")
    objection = only_objection(policy=replace(POLICY, blackouts=(blackout,)))
    assert objection.guardrail == "blackout"
    assert "(holiday freeze)" in objection.reason
    assert objection.evidence.until == until


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (date(2026, 11, 24), date(2026, 11, 24)),
        (date(2026, 11, 22), date(2026, 11, 22)),
        (NOW - timedelta(hours=1), NOW),  # the end is not included
        (NOW + timedelta(seconds=90), NOW + timedelta(hours=1)),  # the run is over by then
    ],
)
def test_a_run_beside_a_blackout_is_allowed(start, end):
    blackout = Blackout(start, end, "freeze", "Europe/Paris")
    assert worst(decide(policy=replace(POLICY, blackouts=(blackout,)))) is Outcome.ALLOW


def test_everything_is_allowed_with_every_source_of_facts_named():
    assert worst(decide(policy=FULL, facts=FULL_FACTS)) is Outcome.ALLOW


@pytest.mark.parametrize("key", [key for key in KEYS if key.name in facts_needed()], ids=lambda key: key.name)
def test_an_unknown_fact_is_named_by_every_guardrail_that_needs_it(key):
    facts = FULL_FACTS.with_fact(key, Fact(NOW, error="403 forbidden"))
    found = objections(decide(policy=FULL, facts=facts))
    assert {decision.guardrail for decision in found} == {
        guard.NAME for guard in CHAIN if key.name in guard.NEEDS
    }
    assert all(decision.outcome is Outcome.UNKNOWN for decision in found)
    assert all("403 forbidden" in decision.reason for decision in found)
