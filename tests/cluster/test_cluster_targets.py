"""What an experiment's target means on a cluster, and that nothing is chosen in place of an absent one."""

from types import SimpleNamespace

import pytest

from guardrails import opt_in, protected
from guardrails.facts import TARGET, Facts
from tasks.blast_radius import summarise
from tests.cluster.workspace import pod_spec
from windtunnel.clients import targets
from windtunnel.clients.targets import resolve
from windtunnel.clock import SystemClock
from windtunnel.model.decision import Fact, Outcome
from windtunnel.model.errors import TargetError
from windtunnel.model.experiment import Target
from windtunnel.model.policy import Policy, Protected

SERVICE = {"spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}}


def test_a_workload_is_its_own_pods_nodes_and_services(workspace, cluster):
    target = workspace.deploy(labels={"team": "shop"})
    workspace.create("Service", "web", SERVICE)
    found = resolve(target, cluster)
    assert (found.replicas, len(found.candidates), found.services) == (2, 2, ("web",))
    assert all(pod.ready and pod.node and pod.uid and pod.created for pod in found.pods)
    assert all(pod.owner.startswith("ReplicaSet/web-") for pod in found.pods)
    assert {node.name for node in found.nodes} == {pod.node for pod in found.pods}
    assert found.labels["team"] == "shop"
    assert found.namespace_labels["windtunnel.dev/enabled"] == "true"


def test_a_pod_that_merely_looks_alike_is_selected_but_is_not_the_workloads(workspace, cluster):
    target = workspace.deploy(replicas=1)
    # without the template's hash among its labels, no replica set adopts it
    workspace.create("Pod", "lookalike", {"labels": {"app": "web"}, "spec": pod_spec({})})
    assert [pod.name for pod in resolve(target, cluster).pods if pod.name == "lookalike"] == []
    selected = resolve(Target(namespace=workspace.namespace, selector="app=web"), cluster)
    by_name = {pod.name: pod for pod in selected.pods}
    assert by_name["lookalike"].owner == ""
    assert len(by_name) == 2


def test_a_selector_shares_the_labels_that_all_its_pods_have(workspace, cluster):
    for name, colour in (("one", "green"), ("two", "blue")):
        labels = {"part": "shop", "colour": colour}
        workspace.create("Pod", name, {"labels": labels, "spec": pod_spec({})})
    selector = "part in (shop),colour notin (red),!absent"
    found = resolve(Target(namespace=workspace.namespace, selector=selector), cluster)
    assert {pod.name for pod in found.pods} == {"one", "two"}
    assert found.labels["part"] == "shop"
    assert "colour" not in found.labels
    assert found.workload is None


def test_more_pods_than_a_page_are_read_as_metadata_alone(workspace, cluster, monkeypatch):
    target = workspace.deploy(replicas=3)
    monkeypatch.setattr(targets, "PAGE", 2)
    found = resolve(target, cluster)
    assert len({pod.uid for pod in found.pods}) == 3
    assert {(pod.node, pod.ready) for pod in found.pods} == {("", None)}
    assert all(pod.owner.startswith("ReplicaSet/web-") for pod in found.pods)


@pytest.mark.parametrize(("limit", "number"), [(1, 3), (2, 4), (3, 4), (500, 4)])
def test_pages_of_any_size_give_every_object_once(workspace, cluster, limit, number):
    for index in range(number):
        workspace.create("ConfigMap", f"page-{index}", {"labels": {"paged": "yes"}, "data": {"x": "y"}})
    listed = list(cluster.list("ConfigMap", workspace.namespace, labels="paged=yes", limit=limit))
    assert [item["metadata"]["name"] for item in listed] == [f"page-{index}" for index in range(number)]
    bare = cluster.list("ConfigMap", workspace.namespace, labels="paged=yes", limit=limit, metadata_only=True)
    assert [sorted(item.keys() - {"kind", "apiVersion"}) for item in bare] == [["metadata"]] * number
    page, more = cluster.first_page("ConfigMap", workspace.namespace, labels="paged=yes", limit=limit)
    assert (len(page), more) == (min(limit, number), number > limit)


def test_fields_select_too(workspace, cluster):
    workspace.create("ConfigMap", "wanted", {"data": {}})
    workspace.create("ConfigMap", "other", {"data": {}})
    found = cluster.list("ConfigMap", workspace.namespace, fields="metadata.name=wanted")
    assert [item["metadata"]["name"] for item in found] == ["wanted"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"workload": "deployment/absent"}, "deployment/absent does not exist in windtunnel-test-"),
        ({"workload": "statefulset/absent"}, "check target.workload"),
        ({"workload": "service/absent"}, "is no workload"),
        ({"selector": "app=absent"}, "no pod in windtunnel-test-.* matches 'app=absent'"),
        ({"selector": "app=="}, "no pod in|not one that Kubernetes understands"),
        ({"selector": "app in"}, "not one that Kubernetes understands"),
    ],
)
def test_a_target_that_is_absent_or_nonsense_is_an_error(workspace, cluster, wrong, words):
    with pytest.raises(TargetError, match=words):
        resolve(Target(namespace=workspace.namespace, **wrong), cluster)


@pytest.mark.parametrize("what", [{"workload": "deployment/web"}, {"selector": "app=web"}])
def test_a_namespace_that_is_absent_is_an_error(cluster, what):
    with pytest.raises(TargetError, match=r"the namespace 'windtunnel-test-absent' does not exist"):
        resolve(Target(namespace="windtunnel-test-absent", **what), cluster)


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ("node/windtunnel-absent", "the node 'windtunnel-absent' does not exist"),
        ("windtunnel.dev/absent=yes", "no node matches"),
        ("not a selector", "neither node/NAME nor a label selector"),
    ],
)
def test_nodes_that_are_absent_are_an_error(cluster, nodes, words):
    with pytest.raises(TargetError, match=words):
        resolve(Target(nodes=nodes), cluster)


@pytest.fixture
def facts(workspace, cluster):
    """Gather what guardrails are told about a pod-delete on one deployment."""

    def gather(target: Target) -> Facts:
        plan = SimpleNamespace(ticket=workspace.plan("pod-delete", target))
        run = SimpleNamespace(cluster=cluster, experiment=SimpleNamespace(target=target), plans=[plan])
        return Facts({TARGET.name: Fact(observed_at=SystemClock().now(), value=summarise(run))})

    return gather


def outcome(guardrail, facts: Facts, target: Target, policy: Policy | None = None) -> Outcome:
    asked = SimpleNamespace(target=target)
    return guardrail.decide(policy or Policy(), asked, facts, SystemClock().now()).outcome


def test_opt_in_is_seen_on_the_namespace_and_the_workload_outweighs_it(workspace, cluster, facts):
    target = workspace.deploy(replicas=1)
    assert outcome(opt_in, facts(target), target) is Outcome.ALLOW
    labels = {"metadata": {"labels": {"windtunnel.dev/enabled": "false"}}}
    cluster.patch_merge("Deployment", "web", workspace.namespace, patch=labels)
    assert outcome(opt_in, facts(target), target) is Outcome.DENY


def test_without_opt_in_nothing_is_hit(workspace, cluster, facts):
    target = workspace.deploy(replicas=1)
    labels = {"metadata": {"labels": {"windtunnel.dev/enabled": None}}}
    cluster.patch_merge("Namespace", workspace.namespace, patch=labels)
    assert outcome(opt_in, facts(target), target) is Outcome.DENY


def test_a_protected_service_and_a_protected_workload_are_seen(workspace, facts):
    target = workspace.deploy(replicas=1)
    workspace.create("Service", "front-door", SERVICE)
    seen = facts(target)
    assert outcome(protected, seen, target) is Outcome.ALLOW
    for listed in ("front-door", "deployment/web"):
        policy = Policy(protected=Protected(services=frozenset({listed})))
        assert outcome(protected, seen, target, policy) is Outcome.DENY


def test_the_clusters_own_namespace_is_protected(workspace, facts):
    seen = facts(workspace.deploy(replicas=1))
    assert outcome(protected, seen, Target(namespace="kube-system", selector="a=b")) is Outcome.DENY
