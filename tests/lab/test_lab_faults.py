"""Every fault against the whole lab: real pods die, move and come back, and undo leaves nothing behind."""

import random
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from windtunnel.clients import halt, tickets
from windtunnel.clients.cluster import Cluster, connect
from windtunnel.clients.holding import hold
from windtunnel.clients.installation import cluster_entry
from windtunnel.clients.readiness import workload_readiness
from windtunnel.clients.targets import resolve
from windtunnel.clock import SystemClock
from windtunnel.faults import load_fault
from windtunnel.faults.cordon import is_cordoned
from windtunnel.faults.marked_change import mark_of
from windtunnel.faults.radius import planned_targets
from windtunnel.faults.shape import FaultStatus, Planning
from windtunnel.model.claim import Claim
from windtunnel.model.errors import FaultError, LeaseHeldError
from windtunnel.model.experiment import Target
from windtunnel.model.policy import Policy
from windtunnel.model.ticket import UndoState, UndoTicket
from windtunnel.probes.watching import watch_target

pytestmark = pytest.mark.lab

CHECKOUT = Target(namespace="shop", workload="deployment/checkout")


@pytest.fixture(scope="module")
def cluster(lab) -> Cluster:
    return connect(cluster_entry(Policy(), "lab"))


@pytest.fixture
def plan(cluster) -> Callable[..., UndoTicket]:
    def prepare(fault: str, target: Target, *, seed: int = 1, **parameters) -> UndoTicket:
        now = SystemClock().now()
        planning = Planning(
            run_id=f"lab-{fault}",
            cluster=cluster,
            target=resolve(target, cluster),
            rng=random.Random(seed),  # noqa: S311 - chooses victims, keeps no secret
            now=now,
            expires_at=now + timedelta(minutes=2),
        )
        return load_fault(fault).prepare(planning, parameters)

    return prepare


@pytest.fixture(autouse=True)
def whole_shop(cluster, eventually):
    """Begin and end every test with a complete shop on nodes that all take pods."""
    complete = lambda: all(readiness(cluster, name).complete for name in SHOP)  # noqa: E731 - asked again and again
    eventually(complete, within_s=60)
    yield
    for node in cluster.list("Node"):
        assert not is_cordoned(node)
        assert mark_of(node) == ""
    eventually(complete, within_s=60)


SHOP = ("frontend", "checkout", "payments", "catalog")


def readiness(cluster: Cluster, name: str):
    return workload_readiness({"kind": "Deployment", **cluster.get("Deployment", name, "shop")})


def uids(cluster: Cluster, target: Target = CHECKOUT) -> set[str]:
    return {pod.uid for pod in resolve(target, cluster).candidates}


def test_a_deleted_pod_really_dies_is_replaced_and_all_of_it_is_watched(cluster, plan, eventually):
    before, seen = resolve(CHECKOUT, cluster), []
    fault, ticket = load_fault("pod-delete"), plan("pod-delete", CHECKOUT, count=1)
    assert fault.status(cluster, ticket) is FaultStatus.PENDING
    with watch_target(cluster, before, on_event=seen.append):
        injection = fault.inject(cluster, ticket)
        assert injection.hit == ticket.targets
        report = fault.undo(cluster, ticket)
        eventually(lambda: fault.status(cluster, ticket) is FaultStatus.OVER, within_s=60)
        eventually(lambda: {"workload-ready", "pod-gone"} <= {event.data["what"] for event in seen})
    assert report.state is UndoState.CLEAN
    assert len(uids(cluster) - {pod.uid for pod in before.pods}) == 1
    whats = [event.data["what"] for event in seen]
    for what in (
        "pod-terminating",
        "pod-gone",
        "pod-created",
        "pod-ready",
        "workload-unready",
        "workload-ready",
    ):
        assert what in whats


def test_half_of_the_pods_is_half_and_no_more(cluster, plan):
    ticket = plan("pod-delete", CHECKOUT, percent=70, grace="0s")
    assert planned_targets(ticket).pods == 2
    before = uids(cluster)
    hit = {ref.uid for ref in load_fault("pod-delete").inject(cluster, ticket).hit}
    assert hit == before - uids(cluster)


def test_a_workload_is_scaled_down_and_back(cluster, plan, eventually):
    fault, ticket = load_fault("deployment-scale"), plan("deployment-scale", CHECKOUT, replicas=1)
    assert planned_targets(ticket).pods == 2
    fault.inject(cluster, ticket)
    eventually(lambda: len(uids(cluster)) == 1)
    assert fault.status(cluster, ticket) is FaultStatus.ACTIVE
    report = fault.undo(cluster, ticket)
    assert report.state is UndoState.CLEAN
    assert fault.undo(cluster, ticket) == report
    eventually(lambda: readiness(cluster, "checkout").complete, within_s=60)


def test_a_workload_is_scaled_to_none_and_back(cluster, plan, eventually):
    fault, ticket = load_fault("deployment-scale"), plan("deployment-scale", CHECKOUT, replicas=0)
    fault.inject(cluster, ticket)
    eventually(lambda: not uids(cluster))
    assert fault.undo(cluster, ticket).state is UndoState.CLEAN
    assert cluster.get("Deployment", "checkout", "shop")["spec"]["replicas"] == 3


def test_what_someone_scales_meanwhile_is_left_and_reported(cluster, plan):
    fault, ticket = load_fault("deployment-scale"), plan("deployment-scale", CHECKOUT, by=1)
    fault.inject(cluster, ticket)
    patch = {"spec": {"replicas": 2}}
    cluster.patch_merge("Deployment", "checkout", "shop", patch=patch, subresource="scale")
    report = fault.undo(cluster, ticket)
    assert "has 2 replicas; left as it is" in report.steps[0].drift
    assert cluster.get("Deployment", "checkout", "shop")["spec"]["replicas"] == 2
    patch = {"spec": {"replicas": 3}}
    cluster.patch_merge("Deployment", "checkout", "shop", patch=patch, subresource="scale")


def node_of_a_pod(cluster: Cluster) -> str:
    return resolve(CHECKOUT, cluster).pods[0].node


def test_a_node_is_drained_its_pods_move_and_undo_lets_it_take_pods_again(cluster, plan, eventually):
    name = node_of_a_pod(cluster)
    target, seen = Target(nodes=f"kubernetes.io/hostname={name}"), []
    fault, ticket = load_fault("node-drain"), plan("node-drain", target, timeout="60s")
    assert planned_targets(ticket).nodes == 1
    try:
        with watch_target(cluster, resolve(target, cluster), on_event=seen.append):
            injection = fault.inject(cluster, ticket)
            assert {ref.kind for ref in injection.hit} == {"Node", "Pod"}
            assert len(injection.hit) == len(ticket.targets)
            assert fault.status(cluster, ticket) is FaultStatus.ACTIVE
            left = cluster.list("Pod", "shop", fields=f"spec.nodeName={name}")
            assert {pod["metadata"]["uid"] for pod in left} & {ref.uid for ref in ticket.targets} == set()
            assert fault.undo(cluster, ticket).state is UndoState.CLEAN
            eventually(lambda: "node-uncordoned" in {event.data["what"] for event in seen})
    finally:
        fault.undo(cluster, ticket)
    assert {"node-cordoned", "pod-gone", "node-uncordoned"} <= {event.data["what"] for event in seen}


@pytest.fixture
def strict_budget(cluster, eventually):
    """Let checkout's disruption budget allow nothing for a while."""
    before = cluster.get("PodDisruptionBudget", "checkout", "shop")["spec"]
    patch_budget(cluster, {"minAvailable": "100%", "maxUnavailable": None})
    eventually(lambda: budget_status(cluster).get("desiredHealthy") == 3)
    eventually(lambda: budget_status(cluster).get("disruptionsAllowed") == 0)
    yield
    restored = {key: before.get(key) for key in ("minAvailable", "maxUnavailable")}
    patch_budget(cluster, restored)


def budget_status(cluster: Cluster) -> dict:
    found = cluster.get("PodDisruptionBudget", "checkout", "shop")
    current = found["status"].get("observedGeneration") == found["metadata"]["generation"]
    return found["status"] if current else {}


def patch_budget(cluster: Cluster, spec: dict) -> None:
    cluster.patch_merge("PodDisruptionBudget", "checkout", "shop", patch={"spec": spec})


@pytest.mark.usefixtures("strict_budget")
def test_a_budget_that_does_not_give_way_ends_the_drain_which_is_undone(cluster, plan):
    fault, name = load_fault("node-drain"), node_of_a_pod(cluster)
    ticket = plan("node-drain", Target(nodes=f"node/{name}"), timeout="2s")
    with pytest.raises(FaultError, match="disruption budget checkout needs 3 healthy pods"):
        fault.inject(cluster, ticket)
    assert is_cordoned(cluster.get("Node", name))
    assert fault.undo(cluster, ticket).state is UndoState.CLEAN
    assert not is_cordoned(cluster.get("Node", name))


@pytest.mark.usefixtures("strict_budget")
def test_a_waiting_drain_can_be_stopped(cluster, plan):
    fault, stop = load_fault("node-drain"), threading.Event()
    ticket = plan("node-drain", Target(nodes=f"node/{node_of_a_pod(cluster)}"), timeout="60s")
    threading.Timer(1, stop.set).start()
    with pytest.raises(FaultError, match="stopped with"):
        fault.inject(cluster, ticket, stop=stop)
    assert fault.undo(cluster, ticket).state is UndoState.CLEAN


def test_tickets_leases_and_the_lever_live_in_the_labs_namespace(cluster, plan):
    ticket = plan("deployment-scale", CHECKOUT, by=1)
    tickets.write(cluster, ticket)
    assert [found.ticket.id for found in tickets.list_open(cluster) if found.ticket] == [ticket.id]
    tickets.mark(cluster, ticket, "undone", expect=("prepared",))
    assert tickets.list_open(cluster) == ()
    tickets.delete(cluster, ticket)
    with (
        hold(cluster, [Claim("shop/deployment/checkout")], "run-a"),
        pytest.raises(LeaseHeldError, match="held by run-a"),
        hold(cluster, [Claim("shop/deployment/checkout")], "run-b"),
    ):
        pytest.fail("two runs hold one target")
    halt.pull(cluster, reason="a drill", by="test", now=SystemClock().now())
    assert halt.read(cluster).reason == "a drill"
    assert halt.release(cluster)
