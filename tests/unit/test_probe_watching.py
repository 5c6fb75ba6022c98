"""What the cluster shows: changes told from watch events, first alone, then against a real API server."""

import threading

import pytest

from windtunnel.clients.cluster import Cluster
from windtunnel.clients.targets import resolve
from windtunnel.model.errors import RefusedError
from windtunnel.model.experiment import Target
from windtunnel.model.record import Event, EventKind
from windtunnel.probes.watching import NodeTracker, PodTracker, WorkloadTracker, watch_target


def pod(*, ready: bool = True, going: bool = False, uid: str = "1") -> dict:
    metadata = {"name": "a", "uid": uid} | ({"deletionTimestamp": "2026-01-01T00:00:00Z"} if going else {})
    return {"metadata": metadata, "status": {"conditions": [{"type": "Ready", "status": str(ready)}]}}


def whats(tracker, *events) -> list[str]:
    return [change.what for event in events for change in tracker.changes(*event)]


def test_the_life_of_a_pod_is_told_step_by_step_and_each_step_once():
    events = [
        ("ADDED", pod(ready=False)),
        ("MODIFIED", pod(ready=False)),
        ("MODIFIED", pod()),
        ("MODIFIED", pod()),
        ("MODIFIED", pod(ready=False)),
        ("MODIFIED", pod()),
        ("MODIFIED", pod(going=True)),
        ("MODIFIED", pod(ready=False, going=True)),
        ("DELETED", pod(ready=False, going=True)),
    ]
    expected = ["created", "ready", "unready", "ready", "terminating", "gone"]
    assert whats(PodTracker(), *events) == [f"pod-{word}" for word in expected]


def test_pods_that_were_there_are_not_told_as_created():
    assert whats(PodTracker({"1": (True, False)}), ("ADDED", pod())) == []
    assert whats(PodTracker({"1": (None, False)}), ("ADDED", pod())) == []
    assert whats(PodTracker(tell_created=False), ("ADDED", pod()), ("DELETED", pod())) == ["pod-gone"]


def test_a_pod_that_vanishes_unseen_is_gone_once():
    tracker = PodTracker({"1": (True, False)})
    stub = {"metadata": {"name": "a", "uid": "1"}}
    assert whats(tracker, ("DELETED", stub), ("DELETED", stub)) == ["pod-gone"]


def workload(ready: int, wanted: int = 3) -> dict:
    counters = dict.fromkeys(("replicas", "readyReplicas", "updatedReplicas", "availableReplicas"), ready)
    return {"kind": "Deployment", "metadata": {}, "spec": {"replicas": wanted}, "status": counters}


def test_a_workload_is_told_when_it_stops_being_complete_and_when_it_is_again():
    events = [
        ("ADDED", workload(3)),
        ("MODIFIED", workload(2)),
        ("MODIFIED", workload(1)),
        ("MODIFIED", workload(3)),
    ]
    assert whats(WorkloadTracker(), *events) == ["workload-unready", "workload-ready"]


def test_nodes_are_told_when_they_are_cordoned_or_unready_and_others_not_at_all():
    def node(name: str = "n", *, ready: bool = True, cordoned: bool = False) -> dict:
        conditions = [{"type": "Ready", "status": str(ready)}]
        return {
            "metadata": {"name": name},
            "spec": {"unschedulable": cordoned},
            "status": {"conditions": conditions},
        }

    events = [
        ("ADDED", node()),
        ("ADDED", node("other", cordoned=True)),
        ("MODIFIED", node(cordoned=True)),
        ("MODIFIED", node(cordoned=True, ready=False)),
        ("MODIFIED", node(ready=True)),
    ]
    expected = ["node-cordoned", "node-unready", "node-uncordoned", "node-ready"]
    assert whats(NodeTracker(frozenset({"n"})), *events) == expected


class Book:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.changed = threading.Condition()

    def add(self, event: Event) -> None:
        with self.changed:
            self.events.append(event)
            self.changed.notify_all()

    def wait_for(self, what: str) -> Event:
        def found() -> Event | None:
            return next((event for event in self.events if event.data["what"] == what), None)

        with self.changed:
            assert self.changed.wait_for(found, timeout=20)
            return found()


@pytest.fixture
def target(cluster, namespace, make_deployment):
    make_deployment(namespace, replicas=2)
    return resolve(Target(namespace=namespace, workload="deployment/checkout"), cluster)


def test_a_watched_target_gives_events_with_times(cluster, target, namespace, workload_status, make_pod):
    book = Book()
    with watch_target(cluster, target, on_event=book.add):
        workload_status("Deployment", "checkout", namespace, replicas=1)
        cluster.delete("Pod", "checkout-1-0", namespace)
        gone = book.wait_for("pod-gone")
        make_pod(namespace, "checkout-1-9", app="checkout")
        book.wait_for("pod-ready")
        book.wait_for("workload-unready")
        workload_status("Deployment", "checkout", namespace, replicas=2)
        ready = book.wait_for("workload-ready")
    assert gone.kind is EventKind.WATCHED
    assert gone.message == "pod/checkout-1-0 is gone."
    assert gone.data["namespace"] == namespace
    assert ready.data["object"] == "deployment/checkout"
    assert gone.at <= ready.at
    assert "pod-created" in [event.data["what"] for event in book.events]
    assert "watch-ended" not in [event.data["what"] for event in book.events]


def test_a_watch_that_is_refused_says_so_in_the_record(cluster, target):
    class Refusing(Cluster):
        def watch(self, *_args, **_more):
            msg = "403 pods is forbidden"
            raise RefusedError(msg, status=403)

    book = Book()
    with watch_target(Refusing(cluster._connection), target, on_event=book.add):
        assert "403 pods is forbidden" in book.wait_for("watch-ended").message
