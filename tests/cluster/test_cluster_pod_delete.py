"""pod-delete on a cluster: exactly the planned pods go, and the cluster is seen to replace them."""

import threading

import pytest

from tests.cluster.watching import Listening, watching
from tests.cluster.workspace import eventually, pod_spec
from windtunnel.clients.targets import resolve
from windtunnel.clock import SystemClock
from windtunnel.faults import load_fault
from windtunnel.faults.shape import FaultStatus
from windtunnel.model.errors import ConflictError, FaultError, NotFoundError
from windtunnel.model.experiment import Target
from windtunnel.model.ticket import UndoState
from windtunnel.probes.watching import watch_target

FAULT = load_fault("pod-delete")
STORY = {"pod-terminating", "pod-gone", "pod-created", "pod-ready", "workload-unready", "workload-ready"}


def test_a_deleted_pod_is_replaced_and_the_watch_tells_when(workspace, cluster):
    target, clock, seen = workspace.deploy(), SystemClock(), []
    before = resolve(target, cluster)
    ticket = workspace.plan("pod-delete", target, count=1)
    assert FAULT.status(cluster, ticket) is FaultStatus.PENDING
    began = clock.now()
    watched = Listening(cluster)
    with watch_target(watched, before, on_event=seen.append):
        eventually(lambda: watched.listed >= {"Pod", "Deployment"})
        assert FAULT.inject(cluster, ticket).hit == ticket.targets
        eventually(lambda: {event.data["what"] for event in seen} >= STORY)
    ended = clock.now()
    assert FAULT.undo(cluster, ticket).state is UndoState.CLEAN
    eventually(lambda: FAULT.status(cluster, ticket) is FaultStatus.OVER)
    (victim,) = ticket.targets
    (replacement,) = workspace.uids() - {pod.uid for pod in before.pods}
    assert all(began <= event.at <= ended for event in seen)
    assert told(seen, victim.uid)[:1] == ["pod-terminating"]
    assert told(seen, victim.uid)[-1:] == ["pod-gone"]
    assert told(seen, replacement) == ["pod-created", "pod-ready"]
    assert first(seen, "workload-unready") < first(seen, "workload-ready")


def told(seen, uid: str) -> list[str]:
    return [event.data["what"] for event in seen if event.data.get("uid") == uid]


def first(seen, what: str):
    return next(event.at for event in seen if event.data["what"] == what)


def test_only_the_planned_share_of_the_pods_goes(workspace, cluster):
    target = workspace.deploy(replicas=3)
    before = workspace.uids()
    ticket = workspace.plan("pod-delete", target, percent=70, grace="0s")
    hit = {ref.uid for ref in FAULT.inject(cluster, ticket).hit}
    assert len(hit) == 2
    assert before - workspace.uids() == hit
    eventually(lambda: len(workspace.uids()) == 3)


def test_the_grace_period_is_the_one_asked_for(workspace, cluster):
    target = workspace.deploy(replicas=1)
    ticket = workspace.plan("pod-delete", target, grace="3s")
    with watching(cluster, "Pod", workspace.namespace, labels="app=web") as seen:
        seen.wait_for("ADDED", ticket.targets[0].name)
        FAULT.inject(cluster, ticket)
        seen.wait_for("DELETED", ticket.targets[0].name)
    graces = {item["metadata"].get("deletionGracePeriodSeconds") for _, item in seen.events}
    assert 3 in graces


def test_a_delete_with_another_uid_is_refused(workspace, cluster):
    workspace.deploy(replicas=1)
    (pod,) = workspace.pods()
    with pytest.raises(ConflictError, match=r"deleting pod/web-.* 409"):
        cluster.delete("Pod", pod.name, workspace.namespace, uid="00000000-0000-0000-0000-000000000000")
    assert workspace.uids() == {pod.uid}


def test_a_namesake_of_a_planned_pod_is_spared(workspace, cluster):
    target = workspace.deploy("db", kind="StatefulSet", replicas=1)
    ticket = workspace.plan("pod-delete", target)
    (old,) = ticket.targets
    cluster.delete("Pod", old.name, workspace.namespace, uid=old.uid, grace_s=0)
    (new,) = eventually(lambda: workspace.uids("db", kind="StatefulSet") - {old.uid})
    assert cluster.get("Pod", old.name, workspace.namespace)["metadata"]["uid"] == new
    with pytest.raises(FaultError, match="gone already"):
        FAULT.inject(cluster, ticket)
    assert workspace.uids("db", kind="StatefulSet") == {new}


def test_a_pod_that_nothing_brings_back_is_not_planned(workspace):
    workspace.create("Pod", "alone", {"labels": {"app": "alone"}, "spec": pod_spec({})})
    with pytest.raises(FaultError, match="pod/alone has no controller"):
        workspace.plan("pod-delete", Target(namespace=workspace.namespace, selector="app=alone"))


def test_more_pods_than_there_are_is_an_error(workspace):
    target = workspace.deploy(replicas=1)
    with pytest.raises(FaultError, match="2 are asked for, and the target has 1"):
        workspace.plan("pod-delete", target, count=2)


def test_a_stopped_run_spares_the_rest(workspace, cluster):
    ticket, stop = workspace.plan("pod-delete", workspace.deploy(), count=2), threading.Event()
    before = workspace.uids()
    stop.set()
    with pytest.raises(FaultError, match="spared: the run was stopped"):
        FAULT.inject(cluster, ticket, stop=stop)
    assert workspace.uids() == before


def test_undo_reports_a_workload_that_somebody_deleted(workspace, cluster):
    target = workspace.deploy(replicas=1)
    ticket = workspace.plan("pod-delete", target)
    FAULT.inject(cluster, ticket)
    cluster.delete("Deployment", "web", workspace.namespace)
    eventually(lambda: absent(cluster, "Deployment", "web", workspace.namespace))
    (step,) = FAULT.undo(cluster, ticket).steps
    assert (step.done, step.drift) == (
        True,
        f"deployment/web in {workspace.namespace} was deleted by someone else since",
    )


def absent(cluster, kind: str, name: str, namespace: str) -> bool:
    try:
        cluster.get(kind, name, namespace)
    except NotFoundError:
        return True
    return False
