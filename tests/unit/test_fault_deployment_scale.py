"""deployment-scale against a real API server without controllers."""

# ruff: noqa: PLR0917 - fixtures and cases are arguments

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from windtunnel.clients.cluster import Cluster
from windtunnel.faults.deployment_scale import FAULT
from windtunnel.faults.radius import planned_targets
from windtunnel.faults.shape import FaultStatus
from windtunnel.model.errors import ClusterError, FaultError, RefusedError, UnreachableError
from windtunnel.model.experiment import Target
from windtunnel.model.ticket import UndoState

EXAMPLES = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def target(namespace, make_deployment) -> Target:
    make_deployment(namespace, replicas=3)
    return Target(namespace=namespace, workload="deployment/checkout")


def replicas(cluster: Cluster, target: Target) -> int:
    return cluster.get("Deployment", "checkout", target.namespace)["spec"]["replicas"]


def scale(cluster: Cluster, target: Target, to: int) -> None:
    patch = {"spec": {"replicas": to}}
    cluster.patch_merge("Deployment", "checkout", target.namespace, patch=patch, subresource="scale")


@EXAMPLES
@given(before=st.integers(0, 6), after=st.integers(0, 6), undos=st.integers(1, 3))
def test_undo_restores_what_was_and_a_second_undo_changes_nothing(
    cluster, target, plan, before, after, undos
):
    scale(cluster, target, before)
    if before == after:
        with pytest.raises(FaultError, match="would change nothing"):
            plan(FAULT, target, replicas=after)
        return
    ticket = plan(FAULT, target, replicas=after)
    assert replicas(cluster, target) == before
    FAULT.inject(cluster, ticket)
    assert replicas(cluster, target) == after
    reports = [FAULT.undo(cluster, ticket) for _ in range(undos)]
    assert replicas(cluster, target) == before
    assert all(report == reports[0] and report.state is UndoState.CLEAN for report in reports)
    assert not any(step.drift for report in reports for step in report.steps)


@EXAMPLES
@given(before=st.integers(0, 4), after=st.integers(0, 4), other=st.integers(0, 4))
def test_what_someone_else_has_set_is_reported_and_left(cluster, target, plan, before, after, other):
    scale(cluster, target, before)
    if before == after:
        return
    ticket = plan(FAULT, target, replicas=after)
    FAULT.inject(cluster, ticket)
    scale(cluster, target, other)
    report = FAULT.undo(cluster, ticket)
    assert report.state is UndoState.CLEAN
    assert replicas(cluster, target) == (before if other == after else other)
    assert bool(report.steps[0].drift) == (other != after)


def test_undo_without_injection_changes_nothing(cluster, target, plan):
    ticket = plan(FAULT, target, replicas=1)
    assert FAULT.undo(cluster, ticket).state is UndoState.CLEAN
    assert replicas(cluster, target) == 3


def test_by_counts_from_what_is_there_and_never_below_none(cluster, target, plan):
    assert plan(FAULT, target, by=-1).steps[0].changed_to == 2
    assert plan(FAULT, target, by=2).steps[0].changed_to == 5
    assert plan(FAULT, target, by=-9).steps[0].changed_to == 0


def test_the_pods_that_will_go_are_counted(target, plan):
    assert planned_targets(plan(FAULT, target, replicas=1)).pods == 2
    assert planned_targets(plan(FAULT, target, replicas=9)).pods == 0


def test_a_change_since_planning_is_respected_and_nothing_is_hit(cluster, target, plan):
    ticket = plan(FAULT, target, replicas=1)
    scale(cluster, target, 4)
    with pytest.raises(FaultError, match="no longer has 3 replicas") as error:
        FAULT.inject(cluster, ticket)
    assert error.value.hit == ()
    assert replicas(cluster, target) == 4


def test_a_namesake_is_neither_scaled_nor_restored(cluster, target, plan, make_deployment):
    ticket = plan(FAULT, target, replicas=1)
    cluster.delete("Deployment", "checkout", target.namespace)
    cluster.delete("ReplicaSet", "checkout-1", target.namespace)
    for pod in list(cluster.list("Pod", target.namespace)):
        cluster.delete("Pod", pod["metadata"]["name"], target.namespace)
    make_deployment(target.namespace, replicas=3)
    with pytest.raises(FaultError):
        FAULT.inject(cluster, ticket)
    scale(cluster, target, 1)
    report = FAULT.undo(cluster, ticket)
    assert "replaced by someone else" in report.steps[0].drift
    assert replicas(cluster, target) == 1


def test_a_deleted_workload_is_reported(cluster, target, plan):
    ticket = plan(FAULT, target, replicas=1)
    cluster.delete("Deployment", "checkout", target.namespace)
    report = FAULT.undo(cluster, ticket)
    assert report.state is UndoState.CLEAN
    assert "deleted by someone else" in report.steps[0].drift
    assert FAULT.status(cluster, ticket) is FaultStatus.OVER


def test_status_follows_the_number_of_replicas(cluster, target, plan):
    ticket = plan(FAULT, target, replicas=1)
    assert FAULT.status(cluster, ticket) is FaultStatus.PENDING
    FAULT.inject(cluster, ticket)
    assert FAULT.status(cluster, ticket) is FaultStatus.ACTIVE
    scale(cluster, target, 5)
    assert FAULT.status(cluster, ticket) is FaultStatus.OVER


def test_a_workload_under_an_autoscaler_is_refused(cluster, target, plan):
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"}
    autoscaler = {"metadata": {"name": "busy"}, "spec": {"scaleTargetRef": reference, "maxReplicas": 5}}

    class Scaled(Cluster):
        def list(self, kind, namespace="", **more):
            if kind == "HorizontalPodAutoscaler":
                return iter([autoscaler])
            return super().list(kind, namespace, **more)

    from windtunnel.faults.deployment_scale import _autoscaler
    from windtunnel.model.ticket import ObjectRef

    scaled = Scaled(cluster._connection)
    assert _autoscaler(scaled, ObjectRef("Deployment", "checkout", target.namespace)) == "busy"
    assert _autoscaler(scaled, ObjectRef("Deployment", "catalog", target.namespace)) == ""


def test_only_deployments_and_stateful_sets_can_be_scaled(cluster, namespace, plan, make_deployment):
    make_deployment(namespace, "db", replicas=2, kind="StatefulSet")
    ticket = plan(FAULT, Target(namespace=namespace, workload="statefulset/db"), replicas=1)
    FAULT.inject(cluster, ticket)
    assert FAULT.undo(cluster, ticket).state is UndoState.CLEAN
    assert cluster.get("StatefulSet", "db", namespace)["spec"]["replicas"] == 2
    with pytest.raises(FaultError, match="needs a deployment or a stateful set"):
        plan(FAULT, Target(namespace=namespace, selector="app=db"), replicas=1)


class Patched(Cluster):
    def __init__(self, inner: Cluster, error: Exception, *, effective: bool) -> None:
        super().__init__(inner._connection)
        self.error, self.effective = error, effective

    def patch_merge(self, *args, **more):
        if self.effective:
            super().patch_merge(*args, **more)
        raise self.error


@pytest.mark.parametrize(
    ("error", "effective", "hit"),
    [
        (RefusedError("403 no", status=403), False, False),
        (ClusterError("half an answer", status=200), True, True),
        (ClusterError("500 after all", status=500), True, True),
        (UnreachableError("silence"), False, False),
        (UnreachableError("silence"), True, True),
    ],
)
def test_a_failed_injection_finds_out_whether_it_had_an_effect(cluster, target, plan, error, effective, hit):
    ticket = plan(FAULT, target, replicas=1)
    with pytest.raises(FaultError, match="could not be scaled") as raised:
        FAULT.inject(Patched(cluster, error, effective=effective), ticket)
    assert bool(raised.value.hit) == hit
    assert ("it was changed all the same" in str(raised.value)) == hit
    assert FAULT.undo(cluster, ticket).state is UndoState.CLEAN
    assert replicas(cluster, target) == 3
