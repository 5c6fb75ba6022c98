"""NoExecute taints: pods that do not tolerate them go, at once or when their patience ends."""

import asyncio

from infra.lab.client import ApiError, Object
from infra.lab.controllers import kinds
from infra.lab.controllers.cluster import Cluster
from infra.lab.controllers.disruption import disruption_target
from infra.lab.controllers.ownership import is_going
from infra.lab.controllers.taints import may_stay_s, taints_of
from infra.lab.controllers.timings import ControllerTimings
from infra.lab.controllers.work_queue import WorkQueue

COMPONENT = "taint-eviction-controller"
_REASON = "TaintManagerEviction"


class TaintEvictionController:
    """Evicts pods from tainted nodes. Keys are pods."""

    name = "tainteviction"

    def __init__(self, cluster: Cluster, timings: ControllerTimings) -> None:
        self.queue: WorkQueue[tuple[str, str]] = WorkQueue(
            retry_first_s=timings.retry_first_s, retry_most_s=timings.retry_most_s
        )
        self._cluster = cluster
        self._nodes = cluster.cache(kinds.NODES)
        self._pods = cluster.cache(kinds.PODS)
        self._since: dict[str, float] = {}  # pod UID: when its patience began
        self._nodes.listen(self._on_node)
        self._pods.listen(self._on_pod)

    def _on_node(self, old: Object | None, new: Object | None) -> None:
        if new is None or (old is not None and _execute(old) == _execute(new)):
            return
        for pod in self._pods.by("node", new["metadata"]["name"]):
            self.queue.add((pod["metadata"]["namespace"], pod["metadata"]["name"]))

    def _on_pod(self, old: Object | None, new: Object | None) -> None:
        if new is None:
            self._since.pop((old or {})["metadata"]["uid"], None)
            return
        node = self._nodes.get("", new["spec"].get("nodeName", ""))
        if node is not None and _execute(node):
            self.queue.add((new["metadata"]["namespace"], new["metadata"]["name"]))

    async def reconcile(self, key: tuple[str, str]) -> None:
        """Evict a pod whose time on its node is over."""
        pod = self._pods.get(*key)
        if pod is None or is_going(pod):
            return
        uid, node = pod["metadata"]["uid"], self._nodes.get("", pod["spec"].get("nodeName", ""))
        stay_s = may_stay_s(pod["spec"].get("tolerations") or (), _execute(node) if node else [])
        if stay_s is None:
            if self._since.pop(uid, None) is not None:
                message = f"Cancelling deletion of Pod {key[0]}/{key[1]}"
                await self._cluster.recorder.tell(pod, _REASON, message, component=COMPONENT)
            return
        now = asyncio.get_running_loop().time()
        left = self._since.setdefault(uid, now) + stay_s - now
        if left > 0:
            self.queue.add_after(key, left + 0.001)
            return
        await self._evict(pod)

    async def _evict(self, pod: Object) -> None:
        words = "Taint manager: deleting due to NoExecute taint"
        status = disruption_target(pod, "DeletionByTaintManager", words, self._cluster.now())
        try:
            marked = await self._cluster.set_status(kinds.PODS, pod, status)
        except ApiError as error:
            if error.status == 404:
                return
            raise
        message = f"Marking for deletion Pod {pod['metadata']['namespace']}/{pod['metadata']['name']}"
        await self._cluster.recorder.tell(marked, _REASON, message, component=COMPONENT)
        await self._cluster.remove(kinds.PODS, marked)
        self._since.pop(pod["metadata"]["uid"], None)


def _execute(node: Object) -> list[Object]:
    return taints_of(node, "NoExecute")
