"""The state of the target: last replicas, disruption budgets, rollouts, nodes, protected labels."""

from dataclasses import replace

import pytest

from guardrails.facts import TARGET, Disruption, WorkloadState
from tests.unit.guardrail_start import FACTS, NOW, POLICY, SUMMARY, decide, only_objection, refused
from windtunnel.model.decision import Fact, Outcome, worst
from windtunnel.model.policy import Protected

CHECKOUT = "shop/deployment/checkout"


def allowed(policy=POLICY, **target):
    facts = FACTS.with_fact(TARGET, Fact(NOW, replace(SUMMARY, **target)))
    return worst(decide(policy=policy, facts=facts)) is Outcome.ALLOW


# --- last replica


@pytest.mark.parametrize(("ready", "planned"), [(1, 1), (2, 2), (0, 1), (1, 2)])
def test_the_last_ready_replica_is_not_taken(ready, planned):
    objection = only_objection(target={"states": {CHECKOUT: WorkloadState(ready, planned)}})
    assert (objection.guardrail, objection.outcome) == ("last_replica", Outcome.DENY)
    assert f"{CHECKOUT} has {ready} ready and would lose {planned}" in objection.reason


@pytest.mark.parametrize(("ready", "planned"), [(2, 1), (1, 0), (0, 0), (5, 4)])
def test_a_workload_that_keeps_a_ready_replica_may_be_hit(ready, planned):
    assert allowed(states={CHECKOUT: WorkloadState(ready, planned)})


def test_the_last_replica_of_a_workload_that_the_policy_names_may_be_taken():
    states = {CHECKOUT: WorkloadState(1, 1)}
    assert allowed(replace(POLICY, last_replica=frozenset({CHECKOUT})), states=states)
    assert not allowed(replace(POLICY, last_replica=frozenset({"bank/deployment/checkout"})), states=states)


# --- disruption budgets


def test_a_run_may_not_need_more_than_a_disruption_budget_allows():
    assert refused(
        target={"disruptions": (Disruption("shop/web", 1, 1), Disruption("shop/checkout", 0, 1))}
    ) == (
        "disruption_budgets",
        Outcome.DENY,
        "Over a disruption budget: shop/checkout allows 0 < 1 needed.",
    )
    assert allowed(disruptions=(Disruption("shop/checkout", 1, 1),))


def test_a_disruption_budget_that_is_behind_its_own_form_cannot_be_relied_on():
    assert refused(target={"disruptions": (Disruption("shop/checkout", 9, 1, stale=True),)}) == (
        "disruption_budgets",
        Outcome.UNKNOWN,
        "Cannot check disruption_budgets: shop/checkout is not computed for its latest form.",
    )


# --- rollouts and nodes


def test_a_target_that_rolls_out_or_stands_on_ill_nodes_is_left_alone():
    states = {CHECKOUT: WorkloadState(3, 1, "a rollout is in progress")}
    objection = refused(target={"states": states, "node_troubles": {"worker-1": "not ready"}})
    assert objection == (
        "target_ready",
        Outcome.DENY,
        f"Not ready: {CHECKOUT}: a rollout is in progress; node worker-1: not ready.",
    )


# --- protected labels


@pytest.mark.parametrize(
    ("target", "who"),
    [
        ({"namespace_labels": {"tier": "critical", "windtunnel.dev/enabled": "true"}}, "namespace shop"),
        (
            {"owner_labels": {"deployment/checkout in shop": {"tier": "critical"}}},
            "deployment/checkout in shop",
        ),
        ({"pod_labels": ({"app": "a"}, {"tier": "critical"})}, "a pod to be hit"),
    ],
)
def test_what_carries_a_protected_label_is_never_hit(target, who):
    policy = replace(POLICY, protected=Protected(labels=("tier in (critical, vital)",)))
    guard, outcome, reason = refused(policy=policy, target=target)
    assert (guard, outcome) == ("protected", Outcome.DENY)
    assert reason == f"Protected: {who} is labelled tier in (critical, vital)."
