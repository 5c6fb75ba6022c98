"""ReplicaSets: as many pods as asked for, of those the selector names."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from infra.lab.client import ApiError, Object
from infra.lab.controllers import kinds, ownership, pods
from infra.lab.controllers.changes import Change, Create, Note, Patch, Remove
from infra.lab.controllers.cluster import Cluster
from infra.lab.controllers.conditions import with_condition, without_condition
from infra.lab.controllers.ownership import controller_of, is_going
from infra.lab.controllers.templates import pod_from
from infra.lab.controllers.timings import ControllerTimings
from infra.lab.controllers.work_queue import WorkQueue

COMPONENT = "replicaset-controller"
_BURST = 500
"""Most pods to create or delete in one go, so that a huge set does not keep all others waiting."""


def plan_pods(replica_set: Object, owned: Iterable[Object], related: Iterable[Object] = ()) -> list[Change]:
    """The pods to create or to delete; `related` are the deployment's other pods, which crowd nodes too."""
    if is_going(replica_set):
        return []
    owned = list(owned)
    active = [pod for pod in owned if pods.is_active(pod)]
    surplus = len(active) - replica_set["spec"].get("replicas", 1)
    if not surplus:
        return []
    note = _note(
        replica_set, "SuccessfulCreate", "Created pod: {name}", "FailedCreate", "Error creating: {error}"
    )
    if surplus < 0:
        body = pod_from(replica_set, replica_set["spec"]["template"])
        namespace = replica_set["metadata"]["namespace"]
        return [Create(kinds.PODS, namespace, body, note) for _ in range(min(-surplus, _BURST))]
    note = _note(
        replica_set, "SuccessfulDelete", "Deleted pod: {name}", "FailedDelete", "Error deleting: {error}"
    )
    doubled = Counter(pod["spec"].get("nodeName", "") for pod in [*active, *related] if pods.is_active(pod))
    first = pods.order_of_removal(active, doubled)[: min(surplus, _BURST)]
    return [Remove(kinds.PODS, pod, note=note) for pod in first]


def _note(replica_set: Object, reason: str, message: str, failed: str, failed_message: str) -> Note:
    return Note(replica_set, COMPONENT, reason, message, failed, failed_message)


def status_of(replica_set: Object, owned: Iterable[Object], now: datetime, failure: str = "") -> Object:
    """The status: counts (those of 0 are left out, as the API does), and why pods cannot be created."""
    owned = list(owned)
    active = [pod for pod in owned if pods.is_active(pod)]
    wanted = (replica_set["spec"]["template"].get("metadata") or {}).get("labels") or {}
    min_ready_s = replica_set["spec"].get("minReadySeconds", 0)
    counts = {
        "fullyLabeledReplicas": sum(_has_labels(pod, wanted) for pod in active),
        "readyReplicas": sum(pods.is_ready(pod) for pod in active),
        "availableReplicas": sum(pods.is_available(pod, min_ready_s, now) for pod in active),
    }
    status: Object = {"replicas": len(active), **{name: count for name, count in counts.items() if count}}
    status["terminatingReplicas"] = sum(is_going(pod) and not pods.is_finished(pod) for pod in owned)
    status["observedGeneration"] = replica_set["metadata"].get("generation", 1)
    conditions = (replica_set.get("status") or {}).get("conditions") or []
    if failure:
        conditions = with_condition(
            conditions, "ReplicaFailure", "True", reason="FailedCreate", message=failure, now=now
        )
    else:
        conditions = without_condition(conditions, "ReplicaFailure")
    return {**status, "conditions": conditions} if conditions else status


def _has_labels(pod: Object, wanted: dict[str, str]) -> bool:
    have = pod["metadata"].get("labels") or {}
    return all(have.get(key) == value for key, value in wanted.items())


class ReplicaSetController:
    """Keeps ReplicaSets at their size."""

    name = "replicaset"

    def __init__(self, cluster: Cluster, timings: ControllerTimings) -> None:
        self.queue: WorkQueue[tuple[str, str]] = WorkQueue(
            retry_first_s=timings.retry_first_s, retry_most_s=timings.retry_most_s
        )
        self._cluster = cluster
        self._sets = cluster.cache(kinds.REPLICA_SETS)
        self._pods = cluster.cache(kinds.PODS)
        self._sets.listen(self._on_set)
        self._pods.listen(self._on_pod)

    def _on_set(self, old: Object | None, new: Object | None) -> None:
        metadata = (new or old or {})["metadata"]
        self.queue.add((metadata["namespace"], metadata["name"]))

    def _on_pod(self, old: Object | None, new: Object | None) -> None:
        for pod in (old, new):
            if pod is None:
                continue
            namespace = pod["metadata"]["namespace"]
            owner = controller_of(pod)
            if owner is not None and owner["kind"] == "ReplicaSet":
                self.queue.add((namespace, owner["name"]))
            elif owner is None and pod is new:
                for one in self._sets.items(namespace):
                    if ownership.claim(one, (), (pod,)).adopt:
                        self.queue.add((namespace, one["metadata"]["name"]))

    async def reconcile(self, key: tuple[str, str]) -> None:
        """Adopt and release, create or delete pods, then count them."""
        replica_set = self._sets.get(*key)
        if replica_set is None:
            return
        await self._claim(replica_set)
        failure: ApiError | None = None
        try:
            await self._cluster.perform(
                plan_pods(replica_set, self._owned(replica_set), self._related(replica_set))
            )
        except ApiError as error:
            failure = error
        now = self._cluster.now()
        owned = self._owned(replica_set)
        message = str(failure.body.get("message", failure)) if failure else ""
        status = status_of(replica_set, owned, now, message)
        current = self._sets.get(*key)
        if current is None:
            return
        if status != current.get("status"):
            await self._cluster.set_status(kinds.REPLICA_SETS, current, status)
        if failure:
            raise failure
        self._look_again(key, replica_set, owned, now)

    def _owned(self, replica_set: Object) -> list[Object]:
        owned = self._pods.by("controller", replica_set["metadata"]["uid"])
        return list(ownership.claim(replica_set, owned, ()).owned)

    def _related(self, replica_set: Object) -> list[Object]:
        """Pods of the other ReplicaSets of the same deployment."""
        owner = controller_of(replica_set)
        if owner is None:
            return []
        others = self._sets.by("controller", owner["uid"])
        mine = replica_set["metadata"]["uid"]
        return [
            pod
            for one in others
            if one["metadata"]["uid"] != mine
            for pod in self._pods.by("controller", one["metadata"]["uid"])
        ]

    async def _claim(self, replica_set: Object) -> None:
        metadata = replica_set["metadata"]
        owned = self._pods.by("controller", metadata["uid"])
        orphans = [
            pod
            for pod in self._cluster.select_pods(metadata["namespace"], replica_set["spec"]["selector"])
            if controller_of(pod) is None
        ]
        claims = ownership.claim(replica_set, owned, orphans)
        adopt = (Patch(kinds.PODS, pod, ownership.adoption(pod, replica_set)) for pod in claims.adopt)
        release = (Patch(kinds.PODS, pod, ownership.release(pod, metadata["uid"])) for pod in claims.release)
        await self._cluster.perform([*adopt, *release])

    def _look_again(
        self, key: tuple[str, str], replica_set: Object, owned: list[Object], now: datetime
    ) -> None:
        """Ready pods become available with time alone where minReadySeconds says so."""
        min_ready_s = replica_set["spec"].get("minReadySeconds", 0)
        waits = [pods.available_in_s(pod, min_ready_s, now) for pod in owned] if min_ready_s else []
        left = [wait for wait in waits if wait is not None and wait > 0]
        if left:
            self.queue.add_after(key, min(left))
