"""Each test starts from a run that every guardrail allows, and flips one thing."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from types import SimpleNamespace

import pytest

from guardrails import CHAIN, decide_all, facts_needed
from guardrails.facts import ACTIVE_RUNS, HALT, KEYS, TARGET, ActiveRuns, Facts, HaltLever, TargetSummary
from windtunnel.model.decision import Fact, Outcome, objections, worst
from windtunnel.model.experiment import Experiment, FaultSpec, Schedule, Target
from windtunnel.model.policy import Blackout, Caps, Policy, Protected, Window

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)  # a Monday, 10:30 in Paris
OFFICE = Window("office", frozenset({1, 2, 3, 4}), time(9), time(16), "Europe/Paris")
NIGHT = Window("night", frozenset({1, 2, 3, 4, 5}), time(22), time(2), "Europe/Paris")
POLICY = Policy(timezone="Europe/Paris", windows={"office": OFFICE, "night": NIGHT})
EXPERIMENT = Experiment(
    name="checkout-survives",
    hypothesis="h",
    owner="o",
    target=Target(namespace="shop", workload="deployment/checkout"),
    steady_state=(),
    faults=(FaultSpec("pod-delete", {"count": 1}),),
    duration_s=60,
    recover_within_s=30,
)
LABELLED = {"windtunnel.dev/enabled": "true"}
SUMMARY = TargetSummary(
    namespace="shop",
    workload_labels={"app": "checkout"},
    namespace_labels=LABELLED,
    pods=4,
    planned_pods=1,
    namespaces=frozenset({"shop"}),
    workloads=frozenset({"deployment/checkout"}),
    services=frozenset({"shop/checkout"}),
)
FACTS = Facts(
    {
        HALT.name: Fact(NOW, HaltLever(pulled=False)),
        TARGET.name: Fact(NOW, SUMMARY),
        ACTIVE_RUNS.name: Fact(NOW, ActiveRuns()),
    }
)


def decide(policy=POLICY, experiment=EXPERIMENT, facts=FACTS, now=NOW):
    return decide_all(policy, experiment, facts, now)


def only_objection(*, target=None, **changes):
    """Return the one objection, after the facts about the target were changed."""
    if target:
        changes["facts"] = FACTS.with_fact(TARGET, Fact(NOW, replace(SUMMARY, **target)))
    (objection,) = objections(decide(**changes))
    return objection


def refused(**changes):
    objection = only_objection(**changes)
    return objection.guardrail, objection.outcome, objection.reason


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
        "The safety lever is pulled by ana: incident. Once it is safe, release it with `windtunnel release`.",
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


# --- caps


@pytest.mark.parametrize(
    ("caps", "target", "clause"),
    [
        (Caps(), {"planned_pods": 2}, "needs 2 pods > cap 1"),
        (Caps(pods=9), {"planned_pods": 3}, "needs 3 of 4 pods > cap 50% (2)"),
        (Caps(pods=9, percent=10), {"planned_pods": 2}, "needs 2 of 4 pods > cap 10% (1)"),
        (Caps(pods=0), {}, "needs 1 pod > cap 0"),
        (
            Caps(duration_s=30),
            {},
            "lasts 1m > cap 30s",
        ),
    ],
)
def test_a_run_over_a_cap_is_refused_with_both_numbers(caps, target, clause):
    assert refused(policy=replace(POLICY, caps=caps), target=target) == (
        "caps",
        Outcome.DENY,
        f"Over the caps of the policy: {clause}.",
    )


def test_too_many_nodes_are_refused():
    target = {"planned_nodes": 2, "node_labels": {"a": LABELLED, "b": LABELLED}}
    assert refused(target=target)[2] == "Over the caps of the policy: needs 2 nodes > cap 1."


def test_too_many_runs_at_once_are_refused_by_name():
    facts = FACTS.with_fact(ACTIVE_RUNS, Fact(NOW, ActiveRuns(("a", "b", "c", "d"))))
    assert refused(facts=facts)[2] == (
        "Over the caps of the policy: would be run 5 at once > cap 1 (running: a, b, c and 1 more)."
    )


def test_one_pod_of_a_few_is_always_within_the_percentage():
    policy = replace(POLICY, caps=Caps(pods=1, percent=1))
    assert worst(decide(policy=policy)) is Outcome.ALLOW


def test_every_exceeded_cap_is_named():
    reason = refused(policy=replace(POLICY, caps=Caps(duration_s=10)), target={"planned_pods": 4})[2]
    assert reason == (
        "Over the caps of the policy: "
        "lasts 1m > cap 10s; needs 4 pods > cap 1; needs 4 of 4 pods > cap 50% (2)."
    )


def test_an_exceeded_cap_denies_even_when_another_cap_cannot_be_checked():
    facts = Facts({**FACTS.by_name, ACTIVE_RUNS.name: Fact(NOW, error="no ledger")})
    found = objections(decide(policy=replace(POLICY, caps=Caps(pods=0)), facts=facts))
    assert [(d.guardrail, d.outcome) for d in found] == [("caps", Outcome.DENY)]
    assert found[0].reason == (
        "Over the caps of the policy: needs 1 pod > cap 0; "
        "the fact active_runs could not be observed: no ledger."
    )


# --- protected


@pytest.mark.parametrize("namespace", ["kube-system", "kube-public", "kube-node-lease", "windtunnel"])
def test_the_namespaces_of_the_cluster_and_of_windtunnel_are_protected_by_every_policy(namespace):
    policy = replace(POLICY, protected=Protected(namespaces=frozenset()))
    objection = refused(policy=policy, target={"namespaces": frozenset({"shop", namespace})})
    assert objection == ("protected", Outcome.DENY, f"Protected: namespace {namespace}.")


@pytest.mark.parametrize(
    ("entry", "target", "what"),
    [
        ("payment", {"services": frozenset({"shop/payment"})}, "service shop/payment"),
        ("shop/payment", {"services": frozenset({"shop/payment"})}, "service shop/payment"),
        ("payment", {"workloads": frozenset({"deployment/payment"})}, "workload deployment/payment"),
        (
            "deployment/payment",
            {"workloads": frozenset({"deployment/payment"})},
            "workload deployment/payment",
        ),
        ("shop/payment", {"workloads": frozenset({"deployment/payment"})}, "workload deployment/payment"),
    ],
)
def test_a_pod_behind_something_protected_is_refused(entry, target, what):
    policy = replace(POLICY, protected=Protected(services=frozenset({entry})))
    assert refused(policy=policy, target=target) == ("protected", Outcome.DENY, f"Protected: {what}.")


@pytest.mark.parametrize("entry", ["payments", "bank/payment", "statefulset/payment", "pay"])
def test_a_namesake_elsewhere_is_not_protected(entry):
    policy = replace(POLICY, protected=Protected(services=frozenset({entry})))
    target = replace(
        SUMMARY, services=frozenset({"shop/payment"}), workloads=frozenset({"deployment/payment"})
    )
    facts = FACTS.with_fact(TARGET, Fact(NOW, target))
    assert worst(decide(policy=policy, facts=facts)) is Outcome.ALLOW


def test_the_namespace_in_the_experiment_counts_even_if_the_summary_names_another():
    experiment = replace(EXPERIMENT, target=Target(namespace="kube-system", workload="deployment/coredns"))
    assert only_objection(experiment=experiment).guardrail == "protected"


# --- opt-in


def test_a_workload_without_the_label_in_a_namespace_without_it_is_refused():
    assert refused(target={"namespace_labels": {}}) == (
        "opt_in",
        Outcome.DENY,
        "Not opted in: the workload or its namespace shop must be labelled windtunnel.dev/enabled=true.",
    )


def test_the_label_of_the_workload_is_enough():
    target = replace(SUMMARY, namespace_labels={}, workload_labels=LABELLED)
    assert worst(decide(facts=FACTS.with_fact(TARGET, Fact(NOW, target)))) is Outcome.ALLOW


def test_a_workload_that_opts_out_is_refused_in_a_namespace_that_opts_in():
    target = {"workload_labels": {"windtunnel.dev/enabled": "false"}}
    assert (
        refused(target=target)[2]
        == "Not opted in: the workload must be labelled windtunnel.dev/enabled=true."
    )


@pytest.mark.parametrize(
    ("node_labels", "who"),
    [
        ({"worker-1": {}}, "node worker-1"),
        ({"worker-1": LABELLED, "worker-2": {}}, "node worker-2"),
        ({f"w{n}": {} for n in range(7)}, "nodes w0, w1, w2, w3, w4 and 2 more"),
        ({}, "a node whose labels were not read"),
    ],
)
def test_nodes_are_asked_for_their_own_label(node_labels, who):
    target = {"planned_nodes": 1, "node_labels": node_labels}
    assert refused(target=target)[2] == f"Not opted in: {who} must be labelled windtunnel.dev/enabled=true."


@pytest.mark.parametrize("selector", ["", "!disabled", "tier!=db", "((("])
def test_an_opt_in_that_asks_for_nothing_refuses(selector):
    objection = only_objection(policy=replace(POLICY, opt_in=selector))
    assert (objection.guardrail, objection.outcome) == ("opt_in", Outcome.UNKNOWN)


@pytest.mark.parametrize("key", [TARGET, ACTIVE_RUNS], ids=lambda key: key.name)
def test_an_unknown_fact_is_named_by_every_guardrail_that_needs_it(key):
    facts = Facts({**FACTS.by_name, key.name: Fact(NOW, error="403 forbidden")})
    found = objections(decide(facts=facts))
    assert {decision.guardrail for decision in found} == {
        guard.NAME for guard in CHAIN if key.name in guard.NEEDS
    }
    assert all(decision.outcome is Outcome.UNKNOWN for decision in found)
    assert all("403 forbidden" in decision.reason for decision in found)


def facts_at(now):
    return Facts({name: replace(fact, observed_at=now) for name, fact in FACTS.by_name.items()})
