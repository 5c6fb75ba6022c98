"""node-drain against a real API server without controllers or node agents."""

# ruff: noqa: PLR0917 - fixtures and cases are arguments

import threading
from datetime import timedelta

import pytest

from windtunnel.clients.cluster import Cluster
from windtunnel.faults import evictions
from windtunnel.faults.cordon import is_cordoned
from windtunnel.faults.marked_change import mark_of
from windtunnel.faults.node_drain import FAULT
from windtunnel.faults.radius import planned_targets
from windtunnel.faults.shape import FaultStatus
from windtunnel.model.errors import ClusterError, FaultError, RefusedError, UnreachableError
from windtunnel.model.experiment import Target
from windtunnel.model.ticket import UndoState

RS = {"kind": "ReplicaSet", "name": "web-1", "uid": "11111111-1111-1111-1111-111111111111"}


@pytest.fixture
def nodes(namespace, cluster, make_node):
    """Make two ready nodes, labelled with the test's namespace, and remove them afterwards."""
    names = [f"{namespace}-{letter}" for letter in "ab"]
    for name in names:
        make_node(name, pool=namespace)
    yield names
    for pod in list(cluster.list("Pod", namespace)):
        cluster.delete("Pod", pod["metadata"]["name"], namespace, grace_s=0)
    for name in names:
        cluster.delete("Node", name)


@pytest.fixture
def target(nodes) -> Target:
    return Target(nodes=f"node/{nodes[0]}")


@pytest.fixture
def two_pods(namespace, nodes, make_pod):
    return [make_pod(namespace, f"web-{n}", owner=RS, node=nodes[0]) for n in range(2)]


@pytest.fixture(autouse=True)
def no_long_pauses(monkeypatch):
    monkeypatch.setattr(evictions, "_PAUSE_S", 0.05)


def node(cluster: Cluster, target: Target) -> dict:
    return cluster.get("Node", target.nodes.removeprefix("node/"))


def spec_of(found: dict) -> dict:
    """Return what undo must restore: the cordon's taint comes and goes by a controller."""
    annotations = dict((found["metadata"].get("annotations") or {}).items())
    return {"unschedulable": found["spec"].get("unschedulable"), "annotations": annotations}


def make_budget(cluster: Cluster, namespace: str, name: str, *, allowed: int) -> None:
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "checkout"}}}
    cluster.create("PodDisruptionBudget", {"metadata": {"name": name}, "spec": spec}, namespace)
    allow(cluster, namespace, name, allowed)


def allow(cluster: Cluster, namespace: str, name: str, allowed: int) -> None:
    generation = cluster.get("PodDisruptionBudget", name, namespace)["metadata"]["generation"]
    status = {
        "observedGeneration": generation,
        "disruptionsAllowed": allowed,
        "currentHealthy": 1 + allowed,
        "desiredHealthy": 1,
        "expectedPods": 2,
    }
    patch = {"status": status}
    cluster.patch_merge("PodDisruptionBudget", name, namespace, patch=patch, subresource="status")


def test_a_drained_node_is_cordoned_and_empty_and_undo_lifts_the_cordon(
    cluster, target, two_pods, namespace, plan
):
    before = spec_of(node(cluster, target))
    ticket = plan(FAULT, target)
    assert spec_of(node(cluster, target)) == before
    assert (planned_targets(ticket).nodes, planned_targets(ticket).pods) == (1, 2)
    assert FAULT.status(cluster, ticket) is FaultStatus.PENDING
    injection = FAULT.inject(cluster, ticket)
    assert {ref.name for ref in injection.hit} == {
        node(cluster, target)["metadata"]["name"],
        "web-0",
        "web-1",
    }
    assert list(cluster.list("Pod", namespace)) == []
    assert is_cordoned(node(cluster, target))
    assert FAULT.status(cluster, ticket) is FaultStatus.ACTIVE
    reports = [FAULT.undo(cluster, ticket) for _ in range(2)]
    assert spec_of(node(cluster, target)) == before
    assert reports[0] == reports[1]
    assert reports[0].state is UndoState.CLEAN
    assert FAULT.status(cluster, ticket) is FaultStatus.OVER


def test_a_node_that_was_cordoned_before_stays_so(cluster, target, two_pods, plan):
    name = node(cluster, target)["metadata"]["name"]
    cluster.patch_merge("Node", name, patch={"spec": {"unschedulable": True}})
    ticket = plan(FAULT, target)
    assert ticket.steps == ()
    FAULT.inject(cluster, ticket)
    FAULT.undo(cluster, ticket)
    assert is_cordoned(node(cluster, target))
    assert mark_of(node(cluster, target)) == ""


def test_a_node_that_someone_cordoned_since_planning_is_not_touched(
    cluster, target, two_pods, namespace, plan
):
    ticket = plan(FAULT, target)
    cluster.patch_merge("Node", ticket.targets[0].name, patch={"spec": {"unschedulable": True}})
    with pytest.raises(FaultError, match="someone else changed it, and it is cordoned") as error:
        FAULT.inject(cluster, ticket)
    assert error.value.hit == ()
    assert len(list(cluster.list("Pod", namespace))) == 2
    report = FAULT.undo(cluster, ticket)
    assert "left as it is" in report.steps[0].drift
    assert is_cordoned(node(cluster, target))


def test_a_node_that_someone_uncordoned_is_reported(cluster, target, two_pods, plan):
    ticket = plan(FAULT, target)
    FAULT.inject(cluster, ticket)
    cluster.patch_merge("Node", ticket.targets[0].name, patch={"spec": {"unschedulable": None}})
    assert "someone else had put it back already" in FAULT.undo(cluster, ticket).steps[0].drift
    assert mark_of(node(cluster, target)) == ""


def test_a_budget_delays_the_drain_until_it_allows(cluster, target, two_pods, namespace, plan):
    make_budget(cluster, namespace, "web", allowed=1)
    ticket = plan(FAULT, target, timeout="20s")
    patient = threading.Timer(0.5, allow, (cluster, namespace, "web", 1))
    patient.start()
    injection = FAULT.inject(cluster, ticket)
    patient.join()
    assert len(injection.hit) == 3


def test_a_budget_that_never_allows_ends_the_drain_and_is_named(cluster, target, two_pods, namespace, plan):
    make_budget(cluster, namespace, "web", allowed=1)
    ticket = plan(FAULT, target, timeout="300ms")
    with pytest.raises(FaultError, match="disruption budget web needs") as error:
        FAULT.inject(cluster, ticket)
    assert len(error.value.hit) == 2  # the node, and the one pod that the budget let go
    assert len(list(cluster.list("Pod", namespace))) == 1
    assert FAULT.undo(cluster, ticket).state is UndoState.CLEAN
    assert not is_cordoned(node(cluster, target))


def test_two_budgets_over_one_pod_are_named(cluster, target, two_pods, namespace, plan):
    for name in ("web", "web-too"):
        make_budget(cluster, namespace, name, allowed=1)
    with pytest.raises(FaultError, match=r"the disruption budgets over it: web, web-too"):
        FAULT.inject(cluster, plan(FAULT, target))


def test_a_stop_ends_a_waiting_drain(cluster, target, two_pods, namespace, plan):
    make_budget(cluster, namespace, "web", allowed=0)
    ticket, stop = plan(FAULT, target, timeout="60s"), threading.Event()
    threading.Timer(0.3, stop.set).start()
    with pytest.raises(FaultError, match="stopped with 2 pods still to evict") as error:
        FAULT.inject(cluster, ticket, stop=stop)
    assert [ref.kind for ref in error.value.hit] == ["Node"]


def test_pods_of_daemon_sets_and_mirror_pods_stay(cluster, target, namespace, nodes, make_pod, plan):
    daemon = {"kind": "DaemonSet", "name": "agent", "uid": "22222222-2222-2222-2222-222222222222"}
    make_pod(namespace, "agent", owner=daemon, node=nodes[0])
    mirror = make_pod(namespace, "mirror", node=nodes[0])
    mirror["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    assert evictions.objection(mirror, force=False) == ""
    cluster.delete("Pod", "mirror", namespace, grace_s=0)
    assert planned_targets(plan(FAULT, target)).pods == 0


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "has no controller that would bring it back"),
        ({"owner": RS, "volumes": [{"name": "cache", "emptyDir": {}}]}, "keeps local data"),
    ],
)
def test_pods_that_would_be_lost_need_force(target, namespace, nodes, make_pod, plan, more, words):
    make_pod(namespace, "precious", node=nodes[0], **more)
    with pytest.raises(FaultError, match=f"pod/precious in {namespace} {words}.*force: true"):
        plan(FAULT, target)
    assert planned_targets(plan(FAULT, target, force=True)).pods == 1


def test_no_more_nodes_than_asked_and_only_those_of_the_target(cluster, nodes, namespace, plan):
    pool = Target(nodes=f"pool={namespace}")
    ticket = plan(FAULT, pool)
    assert planned_targets(ticket).nodes == 1
    assert ticket.targets[0].name in nodes
    assert plan(FAULT, pool, seed=3).targets == plan(FAULT, pool, seed=3).targets
    with pytest.raises(FaultError, match="3 are asked for, and the target has 2"):
        plan(FAULT, pool, count=3)


def test_the_last_nodes_that_take_pods_are_not_drained(cluster, nodes, namespace, plan):
    with pytest.raises(FaultError, match="would leave no ready node"):
        plan(FAULT, Target(nodes=f"pool={namespace}"), count=2)


def test_a_drain_of_a_workload_takes_a_node_that_its_pods_run_on(two_pods, nodes, namespace, plan):
    ticket = plan(FAULT, Target(namespace=namespace, selector="app=checkout"))
    assert ticket.targets[0].name == nodes[0]


def test_time_that_is_up_before_it_begins_lets_no_budget_delay_it(cluster, target, two_pods, namespace, plan):
    make_budget(cluster, namespace, "web", allowed=0)
    from dataclasses import replace

    ticket = plan(FAULT, target, timeout="60s")
    late = replace(ticket, expires_at=ticket.created_at - timedelta(seconds=1))
    with pytest.raises(FaultError, match="the time is up"):
        FAULT.inject(cluster, late)
    FAULT.undo(cluster, late)


class Evicting(Cluster):
    def __init__(self, inner: Cluster, error: Exception, *, effective: bool) -> None:
        super().__init__(inner._connection)
        self.error, self.effective = error, effective

    def evict(self, *args, **more):
        if self.effective:
            super().evict(*args, **more)
        raise self.error


@pytest.mark.parametrize("effective", [False, True])
@pytest.mark.parametrize("status", [0, 200, 500])
def test_an_eviction_that_is_not_answered_in_truth_is_looked_after(
    cluster, target, two_pods, plan, status, effective
):
    ticket = plan(FAULT, target)
    answer = ClusterError("no true answer", status=status)
    with pytest.raises(FaultError, match=rf"drained in part \({int(effective)} pods evicted\)") as raised:
        FAULT.inject(Evicting(cluster, answer, effective=effective), ticket)
    assert len([ref for ref in raised.value.hit if ref.kind == "Pod"]) == effective
    FAULT.undo(cluster, ticket)


class Cordoning(Cluster):
    def __init__(self, inner: Cluster, error: Exception, *, effective: bool) -> None:
        super().__init__(inner._connection)
        self.error, self.effective = error, effective

    def patch_merge(self, *args, **more):
        if self.effective:
            super().patch_merge(*args, **more)
        raise self.error


@pytest.mark.parametrize("effective", [False, True])
def test_silence_after_a_cordon_is_undone_all_the_same(cluster, target, two_pods, plan, effective):
    ticket = plan(FAULT, target)
    with pytest.raises(FaultError, match="could not be cordoned"):
        FAULT.inject(Cordoning(cluster, UnreachableError("silence"), effective=effective), ticket)
    assert FAULT.undo(cluster, ticket).state is UndoState.CLEAN
    assert not is_cordoned(node(cluster, target))


def test_undo_tells_what_it_could_not_do(cluster, target, two_pods, plan):
    ticket = plan(FAULT, target)
    FAULT.inject(cluster, ticket)
    refused = Cordoning(cluster, RefusedError("403 no", status=403), effective=False)
    report = FAULT.undo(refused, ticket)
    assert (report.state, report.steps[0].error) == (UndoState.FAILED, "403 no")
    assert FAULT.undo(cluster, ticket).state is UndoState.CLEAN
