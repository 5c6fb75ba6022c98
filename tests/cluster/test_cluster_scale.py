"""deployment-scale on a cluster: there and back, and never over what somebody else has set."""

import pytest

from tests.cluster.workspace import eventually
from windtunnel.faults import load_fault
from windtunnel.faults.shape import FaultStatus
from windtunnel.model.errors import FaultError
from windtunnel.model.ticket import UndoState

FAULT = load_fault("deployment-scale")


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
@pytest.mark.parametrize(("change", "pods"), [({"replicas": 1}, 1), ({"by": 1}, 3), ({"replicas": 0}, 0)])
def test_a_workload_is_scaled_and_scaled_back(workspace, cluster, kind, change, pods):
    ticket = workspace.plan("deployment-scale", workspace.deploy(kind=kind), **change)
    assert FAULT.status(cluster, ticket) is FaultStatus.PENDING
    injection = FAULT.inject(cluster, ticket)
    assert injection.hit == ticket.targets
    assert FAULT.status(cluster, ticket) is FaultStatus.ACTIVE
    eventually(lambda: len(workspace.pods(kind=kind)) == pods)
    report = FAULT.undo(cluster, ticket)
    assert (report.state, report.steps[0].drift) == (UndoState.CLEAN, "")
    assert FAULT.undo(cluster, ticket) == report
    assert replicas(workspace, kind) == 2
    eventually(lambda: len(workspace.pods(kind=kind)) == 2)


def replicas(workspace, kind: str = "Deployment") -> int:
    return workspace.cluster.get(kind, "web", workspace.namespace)["spec"]["replicas"]


def test_a_workload_of_no_replicas_is_scaled_up_and_back_to_none(workspace, cluster):
    ticket = workspace.plan("deployment-scale", workspace.deploy(replicas=0), replicas=1)
    FAULT.inject(cluster, ticket)
    assert replicas(workspace) == 1
    assert FAULT.undo(cluster, ticket).state is UndoState.CLEAN
    assert replicas(workspace) == 0


def test_what_somebody_set_since_the_plan_is_not_overwritten(workspace, cluster):
    ticket = workspace.plan("deployment-scale", workspace.deploy(replicas=1), by=1)
    set_by_someone(workspace, 3)
    with pytest.raises(FaultError, match="no longer has 1 replicas"):
        FAULT.inject(cluster, ticket)
    assert replicas(workspace) == 3


def test_what_somebody_set_since_the_injection_is_left_and_reported(workspace, cluster):
    ticket = workspace.plan("deployment-scale", workspace.deploy(replicas=1), by=1)
    FAULT.inject(cluster, ticket)
    set_by_someone(workspace, 3)
    report = FAULT.undo(cluster, ticket)
    assert report.state is UndoState.CLEAN
    assert "has 3 replicas; left as it is" in report.steps[0].drift
    assert replicas(workspace) == 3


def set_by_someone(workspace, number: int) -> None:
    patch = {"spec": {"replicas": number}}
    workspace.cluster.patch_merge("Deployment", "web", workspace.namespace, patch=patch, subresource="scale")


@pytest.fixture
def replaced(workspace, cluster):
    """Delete a deployment and make another of the same name and size."""

    def replace() -> None:
        old = cluster.get("Deployment", "web", workspace.namespace)["metadata"]["uid"]
        cluster.delete("Deployment", "web", workspace.namespace, uid=old)
        eventually(lambda: not list(cluster.list("Deployment", workspace.namespace)))
        workspace.deploy(replicas=2, wait=False)
        assert cluster.get("Deployment", "web", workspace.namespace)["metadata"]["uid"] != old

    return replace


def test_a_namesake_of_the_planned_workload_is_not_scaled(workspace, cluster, replaced):
    ticket = workspace.plan("deployment-scale", workspace.deploy(), replicas=1)
    replaced()
    with pytest.raises(FaultError, match=r"was replaced by another object"):
        FAULT.inject(cluster, ticket)
    assert replicas(workspace) == 2


def test_undo_leaves_a_namesake_alone(workspace, cluster, replaced):
    ticket = workspace.plan("deployment-scale", workspace.deploy(replicas=1), replicas=2)
    FAULT.inject(cluster, ticket)
    replaced()
    assert FAULT.status(cluster, ticket) is FaultStatus.OVER
    report = FAULT.undo(cluster, ticket)
    assert "was replaced by someone else" in report.steps[0].drift
    assert replicas(workspace) == 2


def test_undo_of_a_workload_that_is_gone_is_reported(workspace, cluster):
    ticket = workspace.plan("deployment-scale", workspace.deploy(replicas=1), by=1)
    FAULT.inject(cluster, ticket)
    cluster.delete("Deployment", "web", workspace.namespace)
    eventually(lambda: not list(cluster.list("Deployment", workspace.namespace)))
    assert "was deleted by someone else" in FAULT.undo(cluster, ticket).steps[0].drift


def test_scaling_to_what_is_there_already_is_an_error(workspace):
    target = workspace.deploy(replicas=1)
    with pytest.raises(FaultError, match="has 1 replicas already"):
        workspace.plan("deployment-scale", target, replicas=1)


def test_a_workload_with_an_autoscaler_is_not_scaled(workspace):
    target = workspace.deploy(replicas=1)
    scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    usage = {"type": "Utilization", "averageUtilization": 80}
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": usage}}
    spec = {"scaleTargetRef": scaled, "minReplicas": 1, "maxReplicas": 3, "metrics": [metric]}
    workspace.create("HorizontalPodAutoscaler", "keeper", {"spec": spec})
    with pytest.raises(FaultError, match="horizontalpodautoscaler/keeper"):
        workspace.plan("deployment-scale", target, by=1)
