"""All pods of the lab's nodes: a worker for each, addresses for all."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Self

from infra.lab.node.following import follow
from infra.lab.node.nodes import LabNode
from infra.lab.node.pod_worker import PodWorker
from infra.lab.node.workshop import Object, Workshop

LOG = logging.getLogger("lab.node.pods")


class AddressPool:
    """The pod IPs of one node, handed out in turn so that a freed one rests as long as possible."""

    def __init__(self, network: str) -> None:
        self._network = network
        self._used: set[int] = set()
        self._next = 2

    def take(self) -> str:
        """A free address.

        Raises:
            RuntimeError: all are in use, which the scheduler's pod limit should prevent.
        """
        for offset in range(253):
            number = 2 + (self._next - 2 + offset) % 253
            if number not in self._used:
                self._used.add(number)
                self._next = 2 + (number - 1) % 253
                return f"{self._network}.{number}"
        message = f"no pod address is left in {self._network}.0/24"
        raise RuntimeError(message)

    def give_back(self, address: str) -> None:
        """Free an address."""
        self._used.discard(int(address.rpartition(".")[2]))


class PodKeeper:
    """Follows the pods bound to our nodes and keeps one worker for each."""

    def __init__(self, nodes: Iterable[LabNode], workshop: Workshop) -> None:
        self._nodes: Mapping[str, LabNode] = {node.name: node for node in nodes}
        self._pools = {name: AddressPool(node.pod_network) for name, node in self._nodes.items()}
        self._workshop = workshop
        self._workers: dict[str, PodWorker] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    async def run(self) -> None:
        """Follow for ever."""
        async for kind, thing in follow(self._workshop.api, "/api/v1/pods"):
            if kind == "LISTED":
                self._take_all(thing)
            elif kind == "DELETED":
                self._drop(thing["metadata"]["uid"])
            else:
                self._take(thing)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Kill all pods at once and say nothing to the API server: the node ends, the pods' objects stay."""
        self._closing = True
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def worker(self, namespace: str, name: str) -> PodWorker | None:
        """The worker of a pod by name, the newest one where a name was used again."""
        for worker in reversed(self._workers.values()):
            meta = worker.place.pod["metadata"]
            if (meta["namespace"], meta["name"]) == (namespace, name):
                return worker
        return None

    def pods(self) -> list[Object]:
        """All pods of our nodes, as last seen."""
        return [worker.place.pod for worker in self._workers.values()]

    def _take_all(self, pods: list[Object]) -> None:
        there = {pod["metadata"]["uid"] for pod in pods}
        for uid in [uid for uid in self._workers if uid not in there]:
            self._drop(uid)
        for pod in pods:
            self._take(pod)

    def _take(self, pod: Object) -> None:
        node = self._nodes.get(pod["spec"].get("nodeName", ""))
        if node is None or self._closing:
            return
        uid = pod["metadata"]["uid"]
        worker = self._workers.get(uid)
        if worker is None:
            address = self._pools[node.name].take()
            worker = PodWorker(pod, address=address, node_ip=node.address, workshop=self._workshop)
            self._workers[uid] = worker
            LOG.info("pod %s starts on %s as %s", worker.place.full_name, node.name, address)
            task = asyncio.create_task(self._keep(worker, node.name))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        worker.update(pod)

    def _drop(self, uid: str) -> None:
        if worker := self._workers.get(uid):
            worker.remove()

    async def _keep(self, worker: PodWorker, node: str) -> None:
        try:
            await worker.run()
        except Exception:
            # A defect in one pod's handling must not stop the node; this tells why the pod is stuck.
            LOG.exception("pod %s: the node agent failed", worker.place.full_name)
        finally:
            LOG.info("pod %s is gone", worker.place.full_name)
            self._workers.pop(worker.uid, None)
            self._pools[node].give_back(worker.place.address)
