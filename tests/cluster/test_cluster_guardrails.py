"""What the guardrails see of real objects: a state that forbids a run is told before anything is changed."""

import random

import pytest

from guardrails import decide_all, disruption_budgets, freeze, last_replica, protected, target_ready
from guardrails.facts import TARGET
from guardrails.freeze import FREEZE
from tasks.facts import gather
from tasks.outlook import Outlook
from tasks.planning import Plan
from tests.cluster.workspace import Workspace, eventually
from windtunnel.clock import SystemClock
from windtunnel.faults import load_fault
from windtunnel.model.decision import Decision, Outcome
from windtunnel.model.experiment import Experiment, FaultSpec, Target
from windtunnel.model.policy import Policy, Protected
from windtunnel.model.rule_sources import Freeze

CHAIN = (protected, last_replica, disruption_budgets, target_ready)


@pytest.fixture
def answers(workspace: Workspace):
    """Gather the target as a run would, with a pod to be deleted, and give each guardrail's decision."""

    def ask(
        target: Target, *, policy: Policy | None = None, chain=CHAIN, count: int = 1
    ) -> dict[str, Decision]:
        ticket = workspace.plan("pod-delete", target, count=count)
        experiment = Experiment("x", "h", "o", target, (), (FaultSpec("pod-delete", {}),), 10.0, 10.0)
        outlook = Outlook(
            "r", experiment, policy or Policy(), SystemClock(), random.Random(1),  # noqa: S311 - keeps no secret
            plans=(Plan(load_fault("pod-delete"), ticket),), found_cluster=workspace.cluster,
        )  # fmt: skip
        facts = gather(outlook, [TARGET.name, FREEZE.name])
        assert not facts.by_name[TARGET.name].error
        found = decide_all(outlook.policy, experiment, facts, SystemClock().now(), chain=chain)
        return {decision.guardrail: decision for decision in found}

    return ask


def refusals(found: dict[str, Decision]) -> dict[str, str]:
    return {
        name: decision.reason for name, decision in found.items() if decision.outcome is not Outcome.ALLOW
    }


def test_a_workload_that_is_whole_may_be_hit(workspace, answers):
    assert refusals(answers(workspace.deploy(replicas=2))) == {}


def test_the_only_replica_is_the_last_one(workspace, answers):
    target = workspace.deploy(replicas=1)
    found = refusals(answers(target))
    assert list(found) == ["last_replica"]
    assert f"{workspace.namespace}/deployment/web has 1 ready and would lose 1" in found["last_replica"]
    named = Policy(last_replica=frozenset({f"{workspace.namespace}/deployment/web"}))
    assert refusals(answers(target, policy=named)) == {}


def test_an_exhausted_budget_refuses_although_deleting_would_go_past_it(workspace, answers):
    target = workspace.deploy(replicas=2)
    rule = {"key": "app", "operator": "In", "values": ["web"]}
    budget = {"minAvailable": 2, "selector": {"matchExpressions": [rule]}}
    workspace.create("PodDisruptionBudget", "web", {"spec": budget})

    def counted() -> bool:
        status = workspace.cluster.get("PodDisruptionBudget", "web", workspace.namespace).get("status") or {}
        return status.get("expectedPods") == 2

    eventually(counted)
    found = refusals(answers(target))
    told = f"Over a disruption budget: {workspace.namespace}/web allows 0 < 1 needed."
    assert found == {"disruption_budgets": told}


def test_a_rollout_that_is_under_way_or_stuck_refuses(workspace, answers):
    target = workspace.deploy(replicas=2)
    image = "/spec/template/spec/containers/0/image"
    operations = [{"op": "replace", "path": image, "value": "example.invalid/none:1"}]
    workspace.cluster.patch_json("Deployment", "web", workspace.namespace, operations=operations)
    found = eventually(lambda: refusals(answers(target)))
    assert "rollout is in progress" in found["target_ready"] or "are ready" in found["target_ready"]


def test_a_cordoned_node_under_the_target_refuses(workspace, answers, open_nodes):
    target = workspace.deploy(replicas=2)
    home = next(pod.node for pod in workspace.pods())
    workspace.cluster.patch_merge("Node", home, patch={"spec": {"unschedulable": True}})
    try:
        found = refusals(answers(target))
    finally:
        workspace.cluster.patch_merge("Node", home, patch={"spec": {"unschedulable": None}})
    assert f"node {home}: cordoned" in found["target_ready"]


def test_a_protected_label_is_seen_on_pods_and_on_the_namespace(workspace, answers):
    target = workspace.deploy(replicas=2)
    for selector, who in (("app=web", "a pod to be hit"), ("windtunnel.dev/enabled", "namespace")):
        policy = Policy(protected=Protected(labels=(selector,)))
        assert who in refusals(answers(target, policy=policy))["protected"]


def test_a_freeze_is_seen_in_a_config_map_and_as_an_annotation(workspace, answers):
    target = workspace.deploy(replicas=2)
    places = Policy(freeze=Freeze(configmap=f"{workspace.namespace}/freeze", annotation="example.com/freeze"))

    def frozen() -> str:
        return refusals(answers(target, policy=places, chain=(freeze,))).get("freeze", "")

    assert frozen() == ""
    workspace.create("ConfigMap", "freeze", {"data": {"reason": "sale", "frozen": "true"}})
    assert "sale" in frozen()
    workspace.cluster.patch_merge(
        "ConfigMap", "freeze", workspace.namespace, patch={"data": {"frozen": "false"}}
    )
    assert frozen() == ""
    note = {"metadata": {"annotations": {"example.com/freeze": "hands off"}}}
    workspace.cluster.patch_merge("Deployment", "web", workspace.namespace, patch=note)
    assert "hands off" in frozen()


def test_this_clock_and_the_cluster_s_can_be_compared(cluster):
    assert abs(cluster.clock_skew_s(SystemClock())) < 60
