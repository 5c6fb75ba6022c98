"""pod-delete against a real API server without controllers."""

from dataclasses import replace

import pytest

from windtunnel.clients.cluster import Cluster
from windtunnel.clients.targets import resolve
from windtunnel.faults import pod_delete
from windtunnel.faults.radius import planned_targets
from windtunnel.faults.shape import FaultStatus
from windtunnel.model.errors import ClusterError, FaultError, NotFoundError, RefusedError, UnreachableError
from windtunnel.model.experiment import Target
from windtunnel.model.ticket import UndoState

FAULT = pod_delete.FAULT


@pytest.fixture
def target(namespace, make_deployment) -> Target:
    make_deployment(namespace, replicas=3)
    return Target(namespace=namespace, workload="deployment/checkout")


def pod_names(cluster: Cluster, target: Target) -> set[str]:
    return {pod["metadata"]["name"] for pod in cluster.list("Pod", target.namespace)}


def test_planning_changes_nothing(cluster, target, plan):
    before = list(cluster.list("Pod", target.namespace))
    ticket = plan(FAULT, target, count=2)
    assert list(cluster.list("Pod", target.namespace)) == before
    assert planned_targets(ticket).pods == len(ticket.targets) == 2
    assert planned_targets(ticket).namespaces == {target.namespace}
    assert FAULT.status(cluster, ticket) is FaultStatus.PENDING


def test_exactly_the_planned_pods_go_and_the_seed_decides_which(cluster, target, plan):
    ticket = plan(FAULT, target, count=2, seed=7)
    assert ticket.targets == plan(FAULT, target, count=2, seed=7).targets
    injection = FAULT.inject(cluster, ticket)
    assert injection.hit == ticket.targets
    assert pod_names(cluster, target) == {f"checkout-1-{n}" for n in range(3)} - {
        r.name for r in ticket.targets
    }


def test_a_pod_that_went_meanwhile_is_reported_and_not_replaced(cluster, target, plan):
    ticket = plan(FAULT, target, count=2)
    gone, left = ticket.targets
    cluster.delete("Pod", gone.name, gone.namespace)
    injection = FAULT.inject(cluster, ticket)
    assert injection.hit == (left,)
    assert f"{gone} was gone already" in injection.message
    assert len(pod_names(cluster, target)) == 1


def test_a_namesake_of_a_planned_pod_is_spared(cluster, target, plan, make_pod):
    ticket = plan(FAULT, target, count=1)
    name = ticket.targets[0].name
    cluster.delete("Pod", name, target.namespace)
    make_pod(target.namespace, name)
    with pytest.raises(FaultError, match="no pod was deleted"):
        FAULT.inject(cluster, ticket)
    assert name in pod_names(cluster, target)


def test_a_pod_without_owner_is_not_deleted(namespace, plan, make_pod, cluster):
    make_pod(namespace, "lonely")
    with pytest.raises(FaultError, match="pod/lonely has no controller that would bring it back"):
        plan(FAULT, Target(namespace=namespace, selector="app=checkout"))


def test_pods_that_are_already_going_are_no_candidates(cluster, target, plan):
    going = resolve(target, cluster)
    pods = tuple(replace(pod, terminating=n > 0) for n, pod in enumerate(going.pods))
    ticket = plan(FAULT, replace(going, pods=pods), percent=100)
    assert [ref.name for ref in ticket.targets] == [pods[0].name]


def test_more_than_there_are_is_refused(target, plan):
    with pytest.raises(FaultError, match="4 are asked for, and the target has 3"):
        plan(FAULT, target, count=4)


class Failing(Cluster):
    """Deletes the first pod, then fails with what it was given."""

    def __init__(self, inner: Cluster, error: Exception, *, effective: bool) -> None:
        super().__init__(inner._connection)
        self.error, self.effective, self.deletes = error, effective, 0

    def delete(self, kind, name, namespace="", **more):
        self.deletes += 1
        if self.deletes == 1 or self.effective:
            found = super().delete(kind, name, namespace, **more)
            if self.deletes == 1:
                return found
        raise self.error


def test_a_refusal_on_the_way_tells_what_was_hit_and_nothing_is_tried_again(cluster, target, plan):
    ticket = plan(FAULT, target, count=3)
    failing = Failing(cluster, RefusedError("403 no", status=403), effective=False)
    with pytest.raises(FaultError, match="1 of 3 pods were deleted, then: 403 no") as error:
        FAULT.inject(failing, ticket)
    assert error.value.hit == ticket.targets[:1]
    assert failing.deletes == 2


UNTRUE = [
    UnreachableError("silence"),
    ClusterError("500 after all", status=500),
    ClusterError("half an answer", status=200),
]


@pytest.mark.parametrize("answer", UNTRUE, ids=str)
@pytest.mark.parametrize("effective", [True, False])
def test_a_delete_that_is_not_answered_in_truth_is_looked_after(cluster, target, plan, answer, effective):
    ticket = plan(FAULT, target, count=2)
    failing = Failing(cluster, answer, effective=effective)
    hit = 1 + effective
    with pytest.raises(FaultError, match=f"{hit} of 2 pods were deleted, then: {answer}") as error:
        FAULT.inject(failing, ticket)
    assert error.value.hit == ticket.targets[:hit]


def test_undo_verifies_that_the_workload_has_its_pods_again(
    cluster, target, plan, monkeypatch, workload_status
):
    ticket = plan(FAULT, target, count=1)
    FAULT.inject(cluster, ticket)
    workload_status("Deployment", "checkout", target.namespace, replicas=2)
    monkeypatch.setattr(pod_delete, "_BACK_WITHIN_S", 0.0)
    report = FAULT.undo(cluster, ticket)
    assert report.state is UndoState.FAILED
    assert "2 of 3 pods exist" in report.steps[0].error
    assert FAULT.status(cluster, ticket) is FaultStatus.ACTIVE
    workload_status("Deployment", "checkout", target.namespace, replicas=3)
    assert FAULT.undo(cluster, ticket).state is UndoState.CLEAN
    assert FAULT.undo(cluster, ticket) == FAULT.undo(cluster, ticket)
    assert FAULT.status(cluster, ticket) is FaultStatus.OVER


def test_undo_reports_a_workload_that_is_gone_or_replaced_and_goes_on(cluster, target, plan, make_deployment):
    ticket = plan(FAULT, target, count=1)
    cluster.delete("Deployment", "checkout", target.namespace)
    report = FAULT.undo(cluster, ticket)
    assert report.state is UndoState.CLEAN
    assert "deleted by someone else" in report.steps[0].drift
    cluster.create("Deployment", _deployment(), target.namespace)
    assert "replaced by someone else" in FAULT.undo(cluster, ticket).steps[0].drift


def test_undo_never_raises_when_the_cluster_does_not_answer(cluster, target, plan):
    class Silent(Cluster):
        def get(self, *_args, **_more):
            msg = "silence"
            raise UnreachableError(msg)

    report = FAULT.undo(Silent(cluster._connection), plan(FAULT, target))
    assert report.state is UndoState.FAILED
    assert report.steps[0].error == "silence"


def test_pods_chosen_by_selector_are_verified_through_their_controllers(cluster, target, plan):
    by_selector = Target(namespace=target.namespace, selector="app=checkout")
    ticket = plan(FAULT, by_selector, count=1)
    assert [keeper["kind"] for keeper in ticket.parameters["keepers"]] == ["ReplicaSet"]
    with pytest.raises(NotFoundError):
        cluster.get("Pod", "no-such-pod", target.namespace)


def _deployment() -> dict:
    container = {"name": "main", "image": "example.com/none:1"}
    template = {"metadata": {"labels": {"app": "checkout"}}, "spec": {"containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "checkout"}}, "template": template}
    return {"metadata": {"name": "checkout"}, "spec": spec}
