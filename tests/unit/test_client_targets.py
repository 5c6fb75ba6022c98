"""Resolving targets against a real API server."""

from types import SimpleNamespace

import pytest

from tasks.facts import gather
from tasks.one_look import fresh_target
from windtunnel.clients import targets
from windtunnel.clients.cluster import Cluster
from windtunnel.clients.targets import NodeRef, resolve
from windtunnel.clock import SystemClock
from windtunnel.model.errors import TargetError
from windtunnel.model.experiment import Target
from windtunnel.model.policy import Policy


def test_a_deployment_is_its_pods_labels_services_and_replicas(cluster, namespace, make_deployment):
    made = make_deployment(namespace, replicas=2)
    for name, selector in (("checkout", {"app": "checkout"}), ("other", {"app": "other"})):
        spec = {"selector": selector, "ports": [{"port": 80}]}
        cluster.create("Service", {"metadata": {"name": name}, "spec": spec}, namespace)
    found = resolve(Target(namespace=namespace, workload="deployment/checkout"), cluster)
    assert found.workload["metadata"]["uid"] == made["metadata"]["uid"]
    assert [pod.name for pod in found.pods] == ["checkout-1-0", "checkout-1-1"]
    assert {(pod.ready, pod.owner, pod.terminating) for pod in found.pods} == {
        (True, "ReplicaSet/checkout-1", False)
    }
    assert (found.replicas, found.services, found.selector) == (2, ("checkout",), "app=checkout")
    assert found.namespace_labels["team"] == "payments"


def test_pods_that_merely_look_alike_are_not_the_deployments(cluster, namespace, make_deployment, make_pod):
    make_deployment(namespace, replicas=1)
    make_pod(namespace, "stranger", app="checkout")
    found = resolve(Target(namespace=namespace, workload="deploy/checkout"), cluster)
    assert [pod.name for pod in found.pods] == ["checkout-1-0"]
    by_selector = resolve(Target(namespace=namespace, selector="app=checkout"), cluster)
    assert [pod.name for pod in by_selector.pods] == ["checkout-1-0", "stranger"]
    assert by_selector.labels == {"app": "checkout"}


def test_pods_that_have_ended_are_no_targets(cluster, namespace, make_pod):
    make_pod(namespace, "live")
    make_pod(namespace, "done")
    cluster.patch_merge(
        "Pod", "done", namespace, patch={"status": {"phase": "Succeeded"}}, subresource="status"
    )
    found = resolve(Target(namespace=namespace, selector="app=checkout"), cluster)
    assert [pod.name for pod in found.pods] == ["live"]


def test_more_than_a_page_is_read_as_metadata(cluster, namespace, make_deployment, monkeypatch):
    make_deployment(namespace, replicas=3)
    monkeypatch.setattr(targets, "PAGE", 2)
    found = resolve(Target(namespace=namespace, workload="deployment/checkout"), cluster)
    assert [(pod.name, pod.ready, pod.owner) for pod in found.pods] == [
        (f"checkout-1-{n}", None, "ReplicaSet/checkout-1") for n in range(3)
    ]


def test_a_stateful_set_owns_its_pods_itself(cluster, namespace, make_deployment):
    make_deployment(namespace, "db", replicas=2, kind="StatefulSet")
    found = resolve(Target(namespace=namespace, workload="statefulset/db"), cluster)
    assert len(found.pods) == found.replicas == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"namespace": "nowhere"}, "the namespace 'nowhere' does not exist on cluster test"),
        ({"workload": "deployment/chekout"}, "deployment/chekout does not exist in space"),
        ({"workload": "job/report"}, "job/report is no workload"),
        ({"workload": "checkout"}, "write kind/name"),
        ({"workload": "", "selector": "app=none"}, "no pod in space.* matches 'app=none'"),
        ({"workload": "", "selector": "app=(("}, "not one that Kubernetes understands"),
        ({"workload": ""}, "neither a workload nor a selector nor nodes"),
        ({"namespace": ""}, "has no namespace"),
        ({"nodes": "node/nowhere"}, "the node 'nowhere' does not exist"),
        ({"nodes": "zone=moon"}, "no node matches 'zone=moon'"),
    ],
)
def test_what_is_not_there_is_an_error_and_nothing_stands_in_for_it(cluster, namespace, changes, words):
    fields = {"namespace": namespace, "workload": "deployment/checkout"} | changes
    with pytest.raises(TargetError, match=words):
        resolve(Target(**fields), cluster)


def test_nodes_are_found_by_name_and_by_label(cluster, namespace, make_node):
    for name in ("a", "b"):
        make_node(f"{namespace}-{name}", pool=namespace)
    cluster.patch_merge("Node", f"{namespace}-b", patch={"spec": {"unschedulable": True}})
    by_label = resolve(Target(nodes=f"pool={namespace}"), cluster)
    assert [(n.name, n.ready, n.schedulable) for n in by_label.nodes] == [
        (f"{namespace}-a", True, True),
        (f"{namespace}-b", True, False),
    ]
    assert by_label.labels["pool"] == namespace
    by_name = resolve(Target(nodes=f"node/{namespace}-a"), cluster)
    assert [node.name for node in by_name.nodes] == [f"{namespace}-a"]
    for name in ("a", "b"):
        cluster.delete("Node", f"{namespace}-{name}")


def test_the_homes_of_pods_are_known_by_name(cluster, namespace, make_pod):
    make_pod(namespace, "one", node="some-node")
    found = resolve(Target(namespace=namespace, selector="app=checkout"), cluster)
    assert found.nodes == (NodeRef("some-node"),)
    cluster.delete("Pod", "one", namespace, grace_s=0)


def test_five_thousand_pods_take_few_requests_and_little_each(namespace, make_deployment, cluster):
    """The true measure is in the benchmarks; here: no request per pod, and metadata alone."""
    make_deployment(namespace, replicas=1)
    asked = []

    class Counting(Cluster):
        def list(self, kind, ns="", **more):
            asked.append((kind, more.get("metadata_only", False)))
            return super().list(kind, ns, **more)

    resolve(Target(namespace=namespace, workload="deployment/checkout"), Counting(cluster._connection))
    assert asked == [("ReplicaSet", True), ("Service", False)]


def test_one_look_resolves_its_target_once_for_all_facts_and_the_next_look_anew(
    cluster, namespace, make_deployment
):
    make_deployment(namespace, "web", replicas=2)
    target = Target(namespace=namespace, workload="deployment/web")
    run = SimpleNamespace(
        cluster=cluster, experiment=SimpleNamespace(target=target), policy=Policy(), clock=SystemClock(),
        gatherers=dict.fromkeys("abc", lambda look, _policy: fresh_target(look)),
    )  # fmt: skip
    first, second = (gather(run, "abc").by_name for _ in range(2))
    assert len({id(fact.value) for fact in first.values()}) == 1
    assert {id(fact.value) for fact in first.values()} != {id(fact.value) for fact in second.values()}
    assert len(first["a"].value.pods) == 2
