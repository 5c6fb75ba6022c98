"""Pods whose node does not exist (any longer): nobody would ever stop them, so they are removed by force."""

import asyncio

from infra.lab.client import ApiError, Object
from infra.lab.controllers import kinds, pods
from infra.lab.controllers.cluster import Cluster
from infra.lab.controllers.disruption import disruption_target
from infra.lab.controllers.timings import ControllerTimings
from infra.lab.controllers.work_queue import WorkQueue

_REASON = "DeletionByPodGC"
_WORDS = "PodGC: node no longer exists"


class LostPodController:
    """Removes pods of nodes that are gone for a while. Keys are nodes' names."""

    name = "podgc"

    def __init__(self, cluster: Cluster, timings: ControllerTimings) -> None:
        self.queue: WorkQueue[str] = WorkQueue(
            retry_first_s=timings.retry_first_s, retry_most_s=timings.retry_most_s
        )
        self._cluster = cluster
        self._wait_s = timings.lost_pod_s
        self._nodes = cluster.cache(kinds.NODES)
        self._pods = cluster.cache(kinds.PODS)
        self._missing_since: dict[str, float] = {}
        self._nodes.listen(self._on_node)
        self._pods.listen(self._on_pod)

    def _on_node(self, old: Object | None, new: Object | None) -> None:
        if new is None:
            self.queue.add((old or {})["metadata"]["name"])
        elif old is None:
            self._missing_since.pop(new["metadata"]["name"], None)

    def _on_pod(self, _old: Object | None, new: Object | None) -> None:
        name = new["spec"].get("nodeName", "") if new is not None else ""
        if name and name not in self._missing_since and self._nodes.get("", name) is None:
            self.queue.add(name)

    async def reconcile(self, key: str) -> None:
        """Remove a missing node's pods once it has been missing for long enough."""
        if self._nodes.get("", key) is not None or not self._pods.count("node", key):
            self._missing_since.pop(key, None)
            return
        now = asyncio.get_running_loop().time()
        left = self._missing_since.setdefault(key, now) + self._wait_s - now
        if left > 0:
            self.queue.add_after(key, left + 0.001)
            return
        for pod in self._pods.by("node", key):
            await self._remove(pod)
        self._missing_since.pop(key, None)

    async def _remove(self, pod: Object) -> None:
        try:
            if not pods.is_finished(pod):
                status = disruption_target(pod, _REASON, _WORDS, self._cluster.now())
                pod = await self._cluster.set_status(kinds.PODS, pod, {**status, "phase": "Failed"})
            await self._cluster.remove(kinds.PODS, pod, grace_s=0)
        except ApiError as error:
            if error.status != 404:
                raise
