"""Evicting planned pods as `kubectl drain` does: ask, wait while a disruption budget says no, ask again.

Asking again is part of the eviction protocol, not a second try of an injection: a refused eviction has
changed nothing, and each accepted one is asked for exactly once.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from windtunnel.clients.cluster import Cluster
from windtunnel.clients.readiness import controller, is_finished
from windtunnel.clients.selectors import selector_text
from windtunnel.clock import Clock
from windtunnel.faults.departures import went_all_the_same
from windtunnel.model.errors import ClusterError, ConflictError, FaultError, NotFoundError
from windtunnel.model.ticket import ObjectRef

_BUDGET_SAYS_NO = 429
_SERVER_ERROR = 500
_PAUSE_S = 1.0
_NAMED = 10
_MIRROR = "kubernetes.io/config.mirror"


def objection(pod: Mapping[str, Any], *, force: bool) -> str | None:
    """Say why a pod may not be evicted: None when it may, "" when it simply stays, else the reason.

    Mirror pods, those of daemon sets and those already going stay, as they do for `kubectl drain`.
    """
    metadata = pod["metadata"]
    owner = controller(pod)
    stays = (
        _MIRROR in (metadata.get("annotations") or {})
        or (owner is not None and owner.get("kind") == "DaemonSet")
        or metadata.get("deletionTimestamp")
    )
    if stays:
        return ""
    if force or is_finished(pod):
        return None
    name = f"pod/{metadata['name']} in {metadata['namespace']}"
    if owner is None:
        return f"{name} has no controller that would bring it back"
    if any("emptyDir" in volume for volume in pod["spec"].get("volumes") or ()):
        return f"{name} keeps local data (an emptyDir volume), which eviction destroys"
    return None


@dataclass(slots=True)
class Evictions:
    """The evictions of one drain, and what has come of them."""

    cluster: Cluster
    clock: Clock
    until: float  # monotonic seconds
    stop: threading.Event
    grace_s: int | None
    accepted: list[ObjectRef] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def evict(self, pods: Sequence[ObjectRef], failure: Callable[[str], FaultError]) -> None:
        """Evict *pods*.

        Args:
            pods: What to evict.
            failure: Makes the error to raise when a budget does not give way in time, or something breaks.
        """
        waiting = dict.fromkeys(pods, "")
        while waiting:
            for ref in tuple(waiting):
                if self.stop.is_set():
                    why = f"stopped with {len(waiting)} pods still to evict"
                    raise failure(why)
                refusal = self._ask(ref, failure)
                if refusal is None:
                    del waiting[ref]
                else:
                    waiting[ref] = refusal
            if waiting and self.clock.monotonic() + _PAUSE_S >= self.until:
                reasons = [f"{ref}: {why}" for ref, why in waiting.items()][:_NAMED]
                msg = f"the time is up, and {len(waiting)} pods may not go: {'; '.join(reasons)}"
                raise failure(msg)
            if waiting:
                self.clock.wait(_PAUSE_S, until=self.stop)

    def wait_until_gone(self, node: str) -> int:
        """Wait until the evicted pods have left *node*, or the time is up; return how many have not."""
        uids = {ref.uid for ref in self.accepted}
        while True:
            fields = f"spec.nodeName={node}"
            there = self.cluster.list("Pod", fields=fields, metadata_only=True)
            left = sum(pod["metadata"]["uid"] in uids for pod in there)
            if not left or self.clock.monotonic() >= self.until or self.clock.wait(0.3, until=self.stop):
                return left

    def _ask(self, ref: ObjectRef, failure: Callable[[str], FaultError]) -> str | None:
        """Ask once; return None when *ref* needs no more asking, or the budget's words."""
        try:
            self.cluster.evict(ref.name, ref.namespace, uid=ref.uid, grace_s=self.grace_s)
        except (NotFoundError, ConflictError):
            self.missed.append(f"{ref} was gone already")
        except ClusterError as error:
            if error.status == _BUDGET_SAYS_NO:
                return str(error)
            if went_all_the_same(self.cluster, ref, error):
                self.accepted.append(ref)
            budgets = _budgets(self.cluster, ref) if error.status == _SERVER_ERROR else ""
            msg = f"{error}{budgets}"
            raise failure(msg) from error
        else:
            self.accepted.append(ref)
        return None


def _budgets(cluster: Cluster, ref: ObjectRef) -> str:
    """Name the budgets over one pod, because the server's 500 about too many of them does not."""
    named: list[str] = []
    try:
        for budget in cluster.list("PodDisruptionBudget", ref.namespace):
            labels = selector_text(budget["spec"].get("selector") or {})
            covered = cluster.list(
                "Pod", ref.namespace, labels=labels, fields=f"metadata.name={ref.name}", metadata_only=True
            )
            if any(True for _ in covered):
                named.append(str(budget["metadata"]["name"]))
    except ClusterError as error:
        return f" (its disruption budgets could not be listed: {error})"
    return f" (the disruption budgets over it: {', '.join(sorted(named))})" if named else ""
