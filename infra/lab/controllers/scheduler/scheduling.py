"""The scheduler's loop: pods without a node one by one, and those that fit nowhere when that may change."""

from infra.lab.client import ApiError, Object
from infra.lab.controllers import kinds, pods
from infra.lab.controllers.cluster import Cluster
from infra.lab.controllers.moments import as_time
from infra.lab.controllers.ownership import is_going
from infra.lab.controllers.scheduler.choice import choose
from infra.lab.controllers.scheduler.fitness import View
from infra.lab.controllers.scheduler.ledger import Ledger
from infra.lab.controllers.timings import ControllerTimings
from infra.lab.controllers.work_queue import WorkQueue

COMPONENT = "default-scheduler"


class Scheduler:
    """Binds pods to nodes. Keys are pods."""

    name = "scheduler"

    def __init__(self, cluster: Cluster, timings: ControllerTimings) -> None:
        self.queue: WorkQueue[tuple[str, str]] = WorkQueue(
            retry_first_s=timings.retry_first_s, retry_most_s=timings.retry_most_s
        )
        self._cluster = cluster
        self._again_s = timings.unschedulable_s
        self._pods = cluster.cache(kinds.PODS)
        self._nodes = cluster.cache(kinds.NODES)
        self._ledger = Ledger()
        self._waiting: dict[tuple[str, str], None] = {}  # fitted nowhere, in the order of their first try
        self._pods.listen(self._on_pod)
        self._nodes.listen(self._on_node)

    def _on_pod(self, old: Object | None, new: Object | None) -> None:
        self._ledger.follow(old, new)
        if new is not None and _needs_node(new):
            if (
                old is None
                or old["spec"] != new["spec"]
                or old["metadata"].get("labels") != new["metadata"].get("labels")
            ):
                self.queue.add(_key(new))
            return
        either = new or old or {}
        self._waiting.pop(_key(either), None)
        if either["spec"].get("nodeName") and (new is None or pods.is_finished(new)):
            self._retry_waiting()

    def _on_node(self, old: Object | None, new: Object | None) -> None:
        if new is not None and (old is None or _room(old) != _room(new)):
            self._retry_waiting()

    def _retry_waiting(self) -> None:
        """Room may have come up. They were asked first, so they are looked at in that order."""
        for key in self._waiting:
            self.queue.add(key)

    async def reconcile(self, key: tuple[str, str]) -> None:
        """Find a node for a pod and bind it, or say why there is none."""
        pod = self._pods.get(*key)
        if pod is None or not _needs_node(pod):
            self._waiting.pop(key, None)
            return
        node, why = choose(pod, View(self._nodes.items(), self._ledger))
        if not node:
            self._waiting[key] = None
            await self._refuse(pod, why)
            self.queue.add_after(key, self._again_s)
            return
        self._waiting.pop(key, None)
        self._ledger.place(
            pod, node
        )  # the next pod must not take the same room while this write is under way
        try:
            await self._bind(pod, node)
        except ApiError:
            self._ledger.forget(pod)
            raise
        message = f"Successfully assigned {key[0]}/{key[1]} to {node}"
        tell = self._cluster.recorder.tell_action
        await tell(pod, "Scheduled", message, component=COMPONENT, action="Binding")

    async def _bind(self, pod: Object, node: str) -> None:
        metadata = pod["metadata"]
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
            },
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        path = kinds.PODS.api_path(metadata["namespace"], metadata["name"])
        await self._cluster.api.post(f"{path}/binding", body)

    async def _refuse(self, pod: Object, why: str) -> None:
        """Say so once for each reason, not at every new try."""
        old = pods.condition(pod, "PodScheduled")
        if old is not None and old.get("message") == why:
            return
        condition = {
            "type": "PodScheduled",
            "observedGeneration": pod["metadata"].get("generation", 1),
            "status": "False",
            "lastProbeTime": None,
            "lastTransitionTime": (old or {}).get("lastTransitionTime") or as_time(self._cluster.now()),
            "reason": "Unschedulable",
            "message": why,
        }
        status = pod.get("status") or {}
        others = [one for one in status.get("conditions") or () if one["type"] != "PodScheduled"]
        await self._cluster.set_status(kinds.PODS, pod, {**status, "conditions": [*others, condition]})
        tell = self._cluster.recorder.tell_action
        await tell(pod, "FailedScheduling", why, component=COMPONENT, action="Scheduling", warning=True)


def _needs_node(pod: Object) -> bool:
    spec = pod["spec"]
    ours = spec.get("schedulerName", COMPONENT) == COMPONENT
    return ours and not spec.get("nodeName") and not spec.get("schedulingGates") and not is_going(pod)


def _key(pod: Object) -> tuple[str, str]:
    return pod["metadata"]["namespace"], pod["metadata"]["name"]


def _room(node: Object) -> tuple[object, ...]:
    """What of a node decides which pods fit."""
    spec = node.get("spec") or {}
    status = node.get("status") or {}
    return (
        node["metadata"].get("labels"),
        spec.get("taints"),
        spec.get("unschedulable"),
        status.get("allocatable"),
    )
