"""Nodes: silent ones become Unknown, and what a node says of itself becomes taints."""

import asyncio
from datetime import datetime

from infra.lab.client import ApiError, Object
from infra.lab.controllers import kinds, pods, taints
from infra.lab.controllers.changes import Change, SetStatus
from infra.lab.controllers.cluster import Cluster
from infra.lab.controllers.moments import as_time
from infra.lab.controllers.timings import ControllerTimings
from infra.lab.controllers.work_queue import WorkQueue

COMPONENT = "node-controller"
LEASE_NAMESPACE = "kube-node-lease"
_WATCHED = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")


def wanted_taints(node: Object, now: datetime) -> list[Object]:
    """The node's taints with those set that follow from its conditions and its cordon; others stay."""
    wanted = _following(node)
    have = taints.taints_of(node)
    managed = {taints.NOT_READY, taints.UNREACHABLE, taints.UNSCHEDULABLE, *taints.PRESSURES.values()}
    kept = [one for one in have if one["key"] not in managed or (one["key"], one["effect"]) in wanted]
    known = {(one["key"], one["effect"]) for one in kept}
    stamp = as_time(now)
    fresh = [
        {"key": key, "effect": effect, "timeAdded": stamp}
        for key, effect in wanted
        if (key, effect) not in known
    ]
    return [*kept, *fresh]


def _following(node: Object) -> list[tuple[str, str]]:
    ready = (pods.condition(node, "Ready") or {}).get("status")
    key = {"True": "", "Unknown": taints.UNREACHABLE}.get(str(ready), taints.NOT_READY)
    wanted = [(key, "NoSchedule")] if key else []
    if key and ready is not None:
        wanted.append((key, "NoExecute"))  # a node that never reported may still be starting
    wanted += [(taint, "NoSchedule") for kind, taint in taints.PRESSURES.items() if pods.is_true(node, kind)]
    if (node.get("spec") or {}).get("unschedulable"):
        wanted.append((taints.UNSCHEDULABLE, "NoSchedule"))
    return wanted


def given_up(node: Object, now: datetime) -> Object:
    """The status of a node that has been silent for too long."""
    status, stamp = node.get("status") or {}, as_time(now)
    conditions = list(status.get("conditions") or ())
    for kind in _WATCHED:
        old = next((one for one in conditions if one["type"] == kind), None)
        never = old is None or old.get("reason") == "NodeStatusNeverUpdated"
        word = "never posted" if never else "stopped posting"
        new = {
            "type": kind,
            "status": "Unknown",
            "lastHeartbeatTime": (old or {}).get("lastHeartbeatTime")
            or node["metadata"].get("creationTimestamp"),
            "lastTransitionTime": stamp,
            "reason": "NodeStatusNeverUpdated" if never else "NodeStatusUnknown",
            "message": f"Kubelet {word} node status.",
        }
        if old is None:
            conditions.append(new)
        elif old["status"] != "Unknown":
            conditions[conditions.index(old)] = new
    return {**status, "conditions": conditions}


def unready(pod: Object, now: datetime) -> Change | None:
    """The change that takes a pod of a silent node out of service; None where it is out already."""
    ready = pods.condition(pod, "Ready")
    if ready is None or ready["status"] != "True":
        return None
    marked = {**ready, "status": "False", "lastTransitionTime": as_time(now)}
    conditions = [marked if one is ready else one for one in pod["status"]["conditions"]]
    return SetStatus(kinds.PODS, pod, {**pod["status"], "conditions": conditions})


class NodeLifecycleController:
    """Listens for heartbeats, in a node's status and its lease: what counts is that they change."""

    name = "nodelifecycle"

    def __init__(self, cluster: Cluster, timings: ControllerTimings) -> None:
        self.queue: WorkQueue[str] = WorkQueue(
            retry_first_s=timings.retry_first_s, retry_most_s=timings.retry_most_s
        )
        self._cluster = cluster
        self._timings = timings
        self._nodes = cluster.cache(kinds.NODES)
        self._heard: dict[str, float] = {}
        self._nodes.listen(self._on_node)
        cluster.cache(kinds.LEASES).listen(self._on_lease)

    def _on_node(self, old: Object | None, new: Object | None) -> None:
        if new is None:
            self._heard.pop((old or {})["metadata"]["name"], None)
            return
        name = new["metadata"]["name"]
        if old is None or _heartbeat(old) != _heartbeat(new) or name not in self._heard:
            self._heard[name] = _uptime()
        self.queue.add(name)

    def _on_lease(self, old: Object | None, new: Object | None) -> None:
        if new is None or new["metadata"]["namespace"] != LEASE_NAMESPACE:
            return
        name = new["metadata"]["name"]
        if name in self._heard and (old is None or old.get("spec") != new.get("spec")):
            self._heard[name] = _uptime()

    async def reconcile(self, key: str) -> None:
        """Give up a silent node, and keep a node's taints in step with its state."""
        node = self._nodes.get("", key)
        if node is None:
            return
        ready = pods.condition(node, "Ready")
        grace = self._timings.node_grace_s if ready else self._timings.node_startup_grace_s
        left = self._heard.get(key, _uptime()) + grace - _uptime()
        if left > 0:
            self.queue.add_after(key, left + 0.001)
        elif ready is None or ready["status"] != "Unknown":
            node = await self._give_up(node, was_ready=ready is not None and ready["status"] == "True")
        wanted = wanted_taints(node, self._cluster.now())
        if wanted != taints.taints_of(node):
            body = {
                "metadata": {"resourceVersion": node["metadata"]["resourceVersion"]},
                "spec": {"taints": wanted or None},
            }
            await self._cluster.patch(kinds.NODES, node, body)

    async def _give_up(self, node: Object, *, was_ready: bool) -> Object:
        now, name = self._cluster.now(), node["metadata"]["name"]
        changed = await self._cluster.set_status(kinds.NODES, node, given_up(node, now))
        message = f"Node {name} status is now: NodeNotReady"
        await self._cluster.recorder.tell(node, "NodeNotReady", message, component=COMPONENT)
        if was_ready:
            for pod in self._cluster.cache(kinds.PODS).by("node", name):
                await self._take_out(pod, now)
        return changed

    async def _take_out(self, pod: Object, now: datetime) -> None:
        change = unready(pod, now)
        if change is None:
            return
        try:
            await self._cluster.perform([change])
        except ApiError as error:
            if error.status not in {404, 409}:
                raise
        await self._cluster.recorder.tell(
            pod, "NodeNotReady", "Node is not ready", component=COMPONENT, warning=True
        )


def _heartbeat(node: Object) -> list[tuple[object, ...]]:
    """What changes when a node reports, and does not when somebody else writes to it."""
    conditions = (node.get("status") or {}).get("conditions") or ()
    spoken = [one for one in conditions if not str(one.get("reason", "")).startswith("NodeStatus")]
    return [(one["type"], one["status"], one.get("lastHeartbeatTime"), one.get("reason")) for one in spoken]


def _uptime() -> float:
    return asyncio.get_running_loop().time()
