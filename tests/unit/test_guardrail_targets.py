"""The guardrails of what is hit: caps, protected, opt-in. Each test flips one thing of an allowed run."""

from dataclasses import replace

import pytest

from guardrails.caps import pods_allowed
from guardrails.facts import ACTIVE_RUNS, TARGET, ActiveRuns, Facts
from tests.unit.guardrail_start import (
    EXPERIMENT,
    FACTS,
    LABELLED,
    NOW,
    POLICY,
    SUMMARY,
    decide,
    only_objection,
    refused,
)
from windtunnel.model.decision import Fact, Outcome, objections, worst
from windtunnel.model.experiment import Target
from windtunnel.model.policy import Caps, Protected

# --- caps


@pytest.mark.parametrize(
    ("caps", "target", "clause"),
    [
        (Caps(), {"planned_pods": 2}, "needs 2 pods > cap 1"),
        (
            Caps(pods=9),
            {"planned_pods": 3},
            "needs 3 of 4 pods > cap 50%, which allows 2; 75% would allow it",
        ),
        (
            Caps(pods=9, percent=10),
            {"planned_pods": 2},
            "needs 2 of 4 pods > cap 10%, which allows 0; 50% would allow it",
        ),
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


def test_one_pod_of_a_few_is_over_a_small_percentage_because_nothing_is_rounded_up():
    assert refused(policy=replace(POLICY, caps=Caps(pods=1, percent=24.9)))[2] == (
        "Over the caps of the policy: needs 1 of 4 pods > cap 24.9%, which allows 0; 25% would allow it."
    )
    assert worst(decide(policy=replace(POLICY, caps=Caps(pods=1, percent=25)))) is Outcome.ALLOW


@pytest.mark.parametrize(
    ("percent", "of", "allowed"), [(29, 100, 29), (57, 100, 57), (33.3, 3, 0), (100, 7, 7)]
)
def test_a_share_is_exact_where_a_float_would_be_a_pod_off(percent, of, allowed):
    assert pods_allowed(Caps(pods=1000, percent=percent), of=of) == allowed


@pytest.mark.parametrize(
    ("target", "clause"),
    [
        ({"namespaces": frozenset({"shop", "bank"})}, "hits 2 namespaces (bank, shop) > cap 1"),
        ({"zones": frozenset({"a", "b", "node c", "d"})}, "hits 4 zones (a, b, d, ...) > cap 1"),
    ],
)
def test_namespaces_and_zones_have_caps_of_their_own(target, clause):
    assert refused(target=target)[2] == f"Over the caps of the policy: {clause}."


def test_hits_that_could_not_be_looked_at_are_no_allowance():
    assert refused(target={"unseen": "too many pods"}) == (
        "caps",
        Outcome.UNKNOWN,
        "Cannot check caps: too many pods.",
    )


def test_every_exceeded_cap_is_named():
    reason = refused(policy=replace(POLICY, caps=Caps(duration_s=10)), target={"planned_pods": 4})[2]
    assert reason == (
        "Over the caps of the policy: "
        "lasts 1m > cap 10s; needs 4 pods > cap 1; "
        "needs 4 of 4 pods > cap 50%, which allows 2; 100% would allow it."
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
    policy = replace(POLICY, protected=Protected(namespaces=frozenset()), caps=Caps(namespaces=2))
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
