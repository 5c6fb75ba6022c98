"""What a run would take away is booked on the right workload, node and namespace, whoever owns it."""

from types import SimpleNamespace

import pytest

from guardrails.facts import WorkloadState
from tasks.hit_nodes import nodes_named, zones
from tasks.hit_workloads import disruptions, labels_of_pods_that_go, owners, states
from windtunnel.clients.readiness import node_trouble, workload_trouble
from windtunnel.clients.targets import PodRef, ResolvedTarget
from windtunnel.faults.radius import LOST_PODS
from windtunnel.model.errors import NotFoundError
from windtunnel.model.ticket import ObjectRef


class Objects:
    """A cluster of a few objects, in memory: what is asked of it is pure reading."""

    label = "a cluster in memory"

    def __init__(self, *found):
        self.found = {(each["kind"], each["metadata"]["name"]): each for each in found}

    def get(self, kind, name, _namespace=""):
        return self.found[kind, name]

    def list(self, kind, *_where, **_how):
        return [each for (of, _), each in self.found.items() if of == kind]


def workload(kind, name, *, wanted=3, ready=3, above=None, **status):
    metadata = {"name": name, "uid": name, "generation": 1, "labels": {"tier": "critical"}}
    if above:
        metadata["ownerReferences"] = [{"kind": above[0], "name": above[1], "controller": True, "uid": "o"}]
    counted = {"replicas": wanted, "updatedReplicas": wanted}
    counted |= {"availableReplicas": ready, "readyReplicas": ready}
    template = {"metadata": {"labels": {"app": name}}}
    return {
        "kind": kind, "metadata": metadata, "spec": {"replicas": wanted, "template": template},
        "status": {"observedGeneration": 1, **counted, **status},
    }  # fmt: skip


def pod(name, owner="", *, ready=True, **rest):
    return PodRef(name, name, "shop", node="worker-1", ready=ready, owner=owner, **rest)


def seen(cluster, target, *hit, tickets=()):
    known = owners(cluster, target, hit, tickets)
    return known, states(target, hit, known, tickets)


def scaled_down(by):
    ref = ObjectRef("Deployment", "web", "shop", "web")
    return (SimpleNamespace(parameters={LOST_PODS: by}, targets=(ref,)),)


def test_a_stateful_set_of_an_operator_keeps_its_state_and_its_labels():
    pods = pod("pg-0", "StatefulSet/pg")
    cluster = Objects(workload("StatefulSet", "pg", ready=1, above=("Postgres", "pg")))
    known, found = seen(cluster, ResolvedTarget(namespace="shop", pods=(pods,)), pods)
    assert found == {"shop/statefulset/pg": WorkloadState(1, 1, "1 of 3 are ready")}
    owner = known.found["shop/statefulset/pg"]
    assert (owner.labels, owner.above) == ({"tier": "critical"}, "postgres/pg")


def test_a_replica_set_of_a_deployment_counts_as_the_deployment_by_its_owner_and_not_by_its_name():
    one, other = pod("a", "ReplicaSet/web-5d8f"), pod("b", "ReplicaSet/web-77aa")
    cluster = Objects(
        workload("ReplicaSet", "web-5d8f", above=("Deployment", "web")),
        workload("ReplicaSet", "web-77aa", wanted=1, ready=1),  # looks like it, and stands alone
        workload("Deployment", "web"),
    )
    _, found = seen(cluster, ResolvedTarget(namespace="shop", pods=(one, other)), one, other)
    assert found["shop/deployment/web"].planned == 1
    assert found["shop/replicaset/web-77aa"] == WorkloadState(1, 1)


def test_of_the_target_s_own_pods_those_that_are_seen_count_where_the_status_lags_behind():
    deployment = workload("Deployment", "web", wanted=2, ready=2)
    leaving = pod("b", "ReplicaSet/web-5d8f", terminating=True)
    ready = pod("a", "ReplicaSet/web-5d8f")
    cluster = Objects(workload("ReplicaSet", "web-5d8f", above=("Deployment", "web")), deployment)
    target = ResolvedTarget(namespace="shop", workload=deployment, pods=(ready, leaving))
    _, found = seen(cluster, target, ready)
    assert found["shop/deployment/web"] == WorkloadState(1, 1)


def test_a_job_has_no_last_replica_and_a_pod_that_nothing_owns_is_its_own():
    work, bare = pod("w", "Job/report"), pod("bare")
    _, found = seen(Objects(), ResolvedTarget(), work, bare)
    assert found == {"shop/pod/bare": WorkloadState(1, 1)}


def test_pods_that_go_by_scaling_are_counted_and_have_the_labels_of_the_template():
    deployment = workload("Deployment", "web")
    target = ResolvedTarget(namespace="shop", workload=deployment)
    tickets = scaled_down(2)
    known = owners(Objects(deployment), target, (), tickets)
    assert states(target, (), known, tickets)["shop/deployment/web"].planned == 2
    assert labels_of_pods_that_go(known, tickets) == ({"app": "web"},)


@pytest.mark.parametrize(
    ("selector", "needed"),
    [
        ({}, 3),  # all of the namespace
        (None, 0),  # nothing
        ({"matchLabels": {"app": "web"}}, 2),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, 1),
    ],
)
def test_a_disruption_budget_counts_named_pods_and_those_that_go_unnamed(selector, needed):
    deployment = workload("Deployment", "web")
    target = ResolvedTarget(namespace="shop", workload=deployment)
    tickets, hit = scaled_down(2), (pod("x", "Job/x", labels={"app": "x"}),)
    budget = {
        "kind": "PodDisruptionBudget", "metadata": {"name": "b", "generation": 2},
        "spec": {"selector": selector}, "status": {"observedGeneration": 1, "disruptionsAllowed": 1},
    }  # fmt: skip
    cluster = Objects(deployment, budget)
    known = owners(cluster, target, hit, tickets)
    found = disruptions(cluster, ["shop"], hit, known, tickets)
    assert [(each.budget, each.allowed, each.needed, each.stale) for each in found] == (
        [("shop/b", 1, needed, True)] if needed else []
    )


# --- nodes


def node(name, *, zone="", ready="True", **spec):
    labels = {"topology.kubernetes.io/zone": zone} if zone else {}
    conditions = [{"type": "Ready", "status": ready}]
    metadata = {"name": name, "labels": labels}
    return {"kind": "Node", "metadata": metadata, "spec": spec, "status": {"conditions": conditions}}


@pytest.mark.parametrize("count", [3, 25])
def test_every_node_that_is_named_is_read_or_missed(count):
    nodes = [node(f"n{n}", zone="ab"[n % 2]) for n in range(count)]
    found = nodes_named(Objects(*nodes), [f"n{n}" for n in range(count)])
    assert zones(found, found) == {"a", "b"}
    with pytest.raises((NotFoundError, KeyError)):
        nodes_named(Objects(*nodes[1:]), [f"n{n}" for n in range(count)])


def test_a_node_without_a_zone_is_one_of_its_own():
    assert zones({"a": node("a"), "b": node("b", zone="z")}, ["a", "b"]) == {"node a", "z"}


@pytest.mark.parametrize(
    ("found", "trouble"),
    [
        (node("a"), ""),
        (node("a", ready="False"), "not ready"),
        (node("a", ready="Unknown"), "not ready"),
        (node("a", unschedulable=True), "cordoned"),
        (node("a", taints=[{"key": "ToBeDeletedByClusterAutoscaler"}]), "about to leave"),
    ],
)
def test_a_node_that_is_not_well_is_told_with_the_reason(found, trouble):
    assert node_trouble(found).startswith(trouble)
    assert bool(node_trouble(found)) is bool(trouble)


@pytest.mark.parametrize(
    ("changed", "trouble"),
    [
        ({}, ""),
        ({"readyReplicas": 2}, "2 of 3 are ready"),
        ({"updatedReplicas": 1}, "a rollout is in progress"),
        ({"observedGeneration": 0}, "a rollout is in progress"),
        ({"replicas": 4}, "a rollout is in progress"),
        (
            {"conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]},
            "its rollout is stuck",
        ),
    ],
)
def test_a_deployment_that_is_not_settled_is_told_with_the_reason(changed, trouble):
    found = workload_trouble(workload("Deployment", "web", **changed))
    assert found.startswith(trouble)
    assert bool(found) is bool(trouble)
