"""node-drain on a cluster: a node is cordoned, our pods leave it, and only our own cordon is lifted.

Of the pods that a drain of the node would evict, these tests evict those of their own namespace alone.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.cluster.watching import Listening
from tests.cluster.workspace import eventually
from windtunnel.clients.targets import resolve
from windtunnel.clients.tickets import RUN
from windtunnel.faults import load_fault
from windtunnel.faults.cordon import is_cordoned
from windtunnel.faults.marked_change import mark_of
from windtunnel.faults.shape import FaultStatus
from windtunnel.model.errors import FaultError
from windtunnel.model.experiment import Target
from windtunnel.model.ticket import UndoState, UndoTicket
from windtunnel.probes.watching import watch_target

FAULT = load_fault("node-drain")


@pytest.fixture
def drain(workspace, cluster, open_nodes) -> Iterator[Callable[..., UndoTicket]]:
    """Plan to drain a node on which `web` has a pod; in the end the node is as it was."""
    plans: list[UndoTicket] = []

    def plan(**parameters) -> UndoTicket:
        (name, *_) = sorted({pod.node for pod in workspace.pods()} & set(open_nodes))
        whole = workspace.plan("node-drain", Target(nodes=f"node/{name}"), force=True, **parameters)
        ours = tuple(
            ref for ref in whole.targets if ref.kind == "Node" or ref.namespace == workspace.namespace
        )
        plans.append(replace(whole, targets=ours))
        return plans[-1]

    yield plan
    for ticket in plans:
        FAULT.undo(cluster, ticket)
        node = cluster.get("Node", ticket.steps[0].ref.name)
        if is_cordoned(node):  # a test that played somebody else, and failed
            clean = {"spec": {"unschedulable": None}, "metadata": {"labels": {RUN: None}}}
            cluster.patch_merge("Node", node["metadata"]["name"], patch=clean)


def cordon_taint(cluster, name: str) -> bool:
    taints = cluster.get("Node", name)["spec"].get("taints") or ()
    return "node.kubernetes.io/unschedulable" in {taint["key"] for taint in taints}


def test_a_node_is_drained_of_our_pods_and_takes_pods_again(workspace, cluster, drain):
    workspace.deploy(replicas=3)
    ticket, seen = drain(timeout="60s"), []
    node, *pods = ticket.targets
    assert {ref.uid for ref in pods} == {pod.uid for pod in workspace.pods() if pod.node == node.name}
    assert FAULT.status(cluster, ticket) is FaultStatus.PENDING
    watched = Listening(cluster)
    with watch_target(watched, resolve(Target(nodes=f"node/{node.name}"), cluster), on_event=seen.append):
        eventually(lambda: "Node" in watched.listed)
        assert set(FAULT.inject(cluster, ticket).hit) == {node, *pods}
        found = cluster.get("Node", node.name)
        assert (is_cordoned(found), mark_of(found)) == (True, workspace.run_id)
        assert FAULT.status(cluster, ticket) is FaultStatus.ACTIVE
        eventually(lambda: cordon_taint(cluster, node.name))
        workspace.wait_until_complete()
        assert node.name not in {pod.node for pod in workspace.pods()}
        report = FAULT.undo(cluster, ticket)
        assert (report.state, report.steps[0].drift) == (UndoState.CLEAN, "")
        eventually(lambda: {"node-cordoned", "node-uncordoned"} <= {event.data["what"] for event in seen})
    found = cluster.get("Node", node.name)
    assert (is_cordoned(found), mark_of(found)) == (False, "")
    eventually(lambda: not cordon_taint(cluster, node.name))
    assert FAULT.undo(cluster, ticket) == report
    assert FAULT.status(cluster, ticket) is FaultStatus.OVER


def test_a_budget_that_does_not_give_way_ends_the_drain_and_undo_uncordons(workspace, cluster, drain):
    workspace.deploy()
    selector = {"matchLabels": {"app": "web"}}
    workspace.create("PodDisruptionBudget", "web", {"spec": {"minAvailable": 2, "selector": selector}})
    ticket = drain(timeout="2s")
    before = workspace.uids()
    with pytest.raises(FaultError, match=r"drained in part \(0 pods evicted\): the time is up") as caught:
        FAULT.inject(cluster, ticket)
    assert [ref.kind for ref in caught.value.hit] == ["Node"]
    assert is_cordoned(cluster.get("Node", ticket.targets[0].name))
    assert FAULT.undo(cluster, ticket).state is UndoState.CLEAN
    assert not is_cordoned(cluster.get("Node", ticket.targets[0].name))
    assert workspace.uids() == before


def test_a_node_that_somebody_cordoned_since_the_plan_is_left_to_them(workspace, cluster, drain):
    workspace.deploy(replicas=1)
    ticket = drain()
    node, before = ticket.targets[0], workspace.uids()
    cluster.patch_merge("Node", node.name, patch={"spec": {"unschedulable": True}})
    with pytest.raises(FaultError, match="someone else changed it, and it is cordoned"):
        FAULT.inject(cluster, ticket)
    report = FAULT.undo(cluster, ticket)
    assert "is cordoned, and not by this run; left as it is" in report.steps[0].drift
    assert is_cordoned(cluster.get("Node", node.name))
    assert workspace.uids() == before


def test_an_uncordon_by_somebody_else_is_reported(workspace, cluster, drain):
    workspace.deploy(replicas=1)
    ticket = drain()
    node = ticket.targets[0]
    FAULT.inject(cluster, replace(ticket, targets=(node,)))
    cluster.patch_merge("Node", node.name, patch={"spec": {"unschedulable": None}})
    report = FAULT.undo(cluster, ticket)
    assert "someone else had put it back already" in report.steps[0].drift
    assert mark_of(cluster.get("Node", node.name)) == ""
