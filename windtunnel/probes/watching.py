"""What the cluster itself shows of a run: pods that go and come, the workload's readiness, cordoned nodes."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from windtunnel.clients.cluster import Cluster
from windtunnel.clients.readiness import pod_is_ready, workload_readiness
from windtunnel.clients.targets import ResolvedTarget
from windtunnel.clock import Clock, SystemClock
from windtunnel.model.errors import WindtunnelError
from windtunnel.model.record import Event, EventKind

Object = Mapping[str, Any]
_MOST_NODES = 3  # of a node target whose pods are watched, each with a watch of its own


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changed. *what* is a word for machines: pod-gone, workload-ready, node-cordoned, ..."""

    what: str
    told: str  # the rest of a sentence whose subject is the object


class Tracker(Protocol):
    """Tells from one watch event after another what changed."""

    def changes(self, kind: str, item: Object) -> list[Change]:
        """Return what *item*, ADDED, MODIFIED or DELETED, shows that was not so before."""


@dataclass(slots=True)
class PodTracker:
    """Pods by UID, each as (ready, terminating). Those *known* at the start are not told as created.

    Without *tell_created*, a pod that is new is taken as it is, and told about from its next change on.
    """

    known: dict[str, tuple[bool | None, bool]] = field(default_factory=dict)
    tell_created: bool = True

    def changes(self, kind: str, item: Object) -> list[Change]:
        """Return what changed about one pod."""
        uid = item["metadata"]["uid"]
        if kind == "DELETED":
            return [Change("pod-gone", "is gone")] if self.known.pop(uid, None) is not None else []
        new = uid not in self.known
        was_ready, was_terminating = self.known.get(uid, (False, False))
        terminating = bool(item["metadata"].get("deletionTimestamp"))
        ready = pod_is_ready(item)
        self.known[uid] = (ready, terminating)
        if new and not self.tell_created:
            return []
        found = [Change("pod-created", "was created")] if new else []
        if terminating and not was_terminating:
            return [*found, Change("pod-terminating", "is terminating")]
        if ready and was_ready is False:
            found.append(Change("pod-ready", "is ready"))
        elif was_ready and not ready and not terminating:
            found.append(Change("pod-unready", "is no longer ready"))
        return found


@dataclass(slots=True)
class WorkloadTracker:
    """Whether the workload is complete: everything it wants is there, current and ready."""

    complete: bool | None = None

    def changes(self, kind: str, item: Object) -> list[Change]:
        """Return a change when the workload becomes complete or stops being so."""
        if kind == "DELETED":
            self.complete = None
            return [Change("workload-gone", "was deleted")]
        readiness = workload_readiness(item)
        was, self.complete = self.complete, readiness.complete
        if was is None or was == self.complete:
            return []
        what = "workload-ready" if self.complete else "workload-unready"
        return [Change(what, f"has {readiness}")]


@dataclass(slots=True)
class NodeTracker:
    """Nodes by name, each as (ready, cordoned); others than *names* are passed over."""

    names: frozenset[str]
    known: dict[str, tuple[bool, bool]] = field(default_factory=dict)

    def changes(self, kind: str, item: Object) -> list[Change]:
        """Return what changed about one node."""
        name = item["metadata"]["name"]
        if name not in self.names:
            return []
        if kind == "DELETED":
            self.known.pop(name, None)
            return [Change("node-gone", "was removed")]
        ready, cordoned = pod_is_ready(item), bool((item.get("spec") or {}).get("unschedulable"))
        was_ready, was_cordoned = self.known.get(name, (ready, cordoned))
        self.known[name] = (ready, cordoned)
        found = []
        if cordoned != was_cordoned:
            told = "takes no new pods" if cordoned else "takes pods again"
            found.append(Change("node-cordoned" if cordoned else "node-uncordoned", told))
        if ready != was_ready:
            found.append(
                Change("node-ready" if ready else "node-unready", f"is {'' if ready else 'not '}ready")
            )
        return found


@contextmanager
def watch_target(
    cluster: Cluster,
    target: ResolvedTarget,
    *,
    on_event: Callable[[Event], None],
    clock: Clock | None = None,
) -> Iterator[None]:
    """Watch *target* until the block ends, and give each change to *on_event* as an event of kind WATCHED.

    *on_event* is called from several threads. A watch that has to end early says so in an event of its own:
    what it would have seen is then missing from the record, and never made up.
    """
    stop = threading.Event()
    watcher = _Watcher(cluster, on_event, clock or SystemClock(), stop)
    threads = [
        threading.Thread(target=watcher.run, args=(watched,), name=f"watch-{watched.kind}", daemon=True)
        for watched in _watches(target)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=2.0)


@dataclass(frozen=True, slots=True)
class _Watched:
    """One watch: what it selects, and who tells the changes."""

    kind: str
    tracker: Tracker
    namespace: str = ""
    labels: str = ""
    fields: str = ""


def _watches(target: ResolvedTarget) -> list[_Watched]:
    watches: list[_Watched] = []
    namespace, names = target.namespace, [node.name for node in target.nodes]
    if target.selector:
        pods = PodTracker({pod.uid: (pod.ready, pod.terminating) for pod in target.pods})
        watches.append(_Watched("Pod", pods, namespace, labels=target.selector))
    if target.workload is not None:
        fields = f"metadata.name={target.workload['metadata']['name']}"
        was = workload_readiness(target.workload).complete  # known before, so that no change is missed
        watches.append(_Watched(target.workload["kind"], WorkloadTracker(was), namespace, fields=fields))
    if not namespace:
        on_node = [f"spec.nodeName={name}" for name in names[:_MOST_NODES]]
        watches += [_Watched("Pod", PodTracker(tell_created=False), fields=fields) for fields in on_node]
    if names:
        only = f"metadata.name={names[0]}" if len(names) == 1 else ""
        seen = {
            node.name: (node.ready, not node.schedulable)
            for node in target.nodes
            if node.ready is not None and node.schedulable is not None
        }
        watches.append(_Watched("Node", NodeTracker(frozenset(names), seen), fields=only))
    return watches


@dataclass(frozen=True, slots=True)
class _Watcher:
    cluster: Cluster
    on_event: Callable[[Event], None]
    clock: Clock
    stop: threading.Event

    def run(self, watched: _Watched) -> None:
        kind = watched.kind
        try:
            for type_, item in self.cluster.watch(
                kind, watched.namespace, labels=watched.labels, fields=watched.fields, stop=self.stop
            ):
                whole = {"kind": kind, **item}
                for change in watched.tracker.changes(type_, whole):
                    self._tell(kind, whole, change)
        except WindtunnelError as error:
            if not self.stop.is_set():
                message = f"The watch of {kind.lower()}s ended: {error}"
                data = {"what": "watch-ended", "kind": kind}
                self.on_event(Event(self.clock.now(), EventKind.WATCHED, message, data))

    def _tell(self, kind: str, item: Object, change: Change) -> None:
        metadata = item["metadata"]
        name = f"{kind.lower()}/{metadata['name']}"
        data = {"what": change.what, "object": name, "namespace": metadata.get("namespace", "")}
        message = f"{name} {change.told}."
        self.on_event(Event(self.clock.now(), EventKind.WATCHED, message, data | {"uid": metadata["uid"]}))
