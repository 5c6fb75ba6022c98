"""Garbage collection: what nobody owns any longer goes; what is deleted in the foreground waits its turn."""

from dataclasses import dataclass

from infra.lab.client import ApiError, Object
from infra.lab.controllers.cache import Cache
from infra.lab.controllers.changes import Change, Patch, Remove
from infra.lab.controllers.cluster import Cluster
from infra.lab.controllers.garbage_graph import FOREGROUND, ORPHAN, Graph, Node
from infra.lab.controllers.ownership import is_going
from infra.lab.controllers.timings import ControllerTimings
from infra.lab.controllers.work_queue import WorkQueue


@dataclass(frozen=True, slots=True)
class Owners:
    """An object's owner references by what became of the owner."""

    solid: tuple[Object, ...] = ()
    waiting: tuple[Object, ...] = ()
    """Owners that are being deleted and wait for their dependents."""
    gone: tuple[Object, ...] = ()


def decide(node: Node, owners: Owners, *, has_dependents: bool) -> list[Change]:
    """What to do with an object that has owners: nothing, forget some of them, or delete it."""
    if not (owners.waiting or owners.gone):
        return []
    if owners.solid:
        return [_references(node, list(owners.solid))]
    if owners.waiting and has_dependents:
        return [Remove(node.resource, node.item, "Foreground")]
    policy = (
        "Orphan"
        if ORPHAN in node.finalizers
        else "Foreground"
        if FOREGROUND in node.finalizers
        else "Background"
    )
    return [Remove(node.resource, node.item, policy)]


def _references(node: Node, references: list[Object]) -> Patch:
    metadata = node.item["metadata"]
    pinned = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
    return Patch(node.resource, node.item, {"metadata": {**pinned, "ownerReferences": references or None}})


def _without_finalizer(node: Node, finalizer: str) -> Patch:
    metadata = node.item["metadata"]
    pinned = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
    left = [one for one in node.finalizers if one != finalizer]
    return Patch(node.resource, node.item, {"metadata": {**pinned, "finalizers": left or None}})


def _can_own(owner: Node, node: Node) -> bool:
    """Owners live in the dependent's namespace or in none; a reference across counts as one to nobody."""
    return owner.item["metadata"].get("namespace", "") in {"", node.item["metadata"].get("namespace", "")}


class GarbageCollector:
    """Follows owner references through all resources. Keys are UIDs."""

    name = "garbagecollector"

    def __init__(self, cluster: Cluster, timings: ControllerTimings) -> None:
        self.queue: WorkQueue[str] = WorkQueue(
            retry_first_s=timings.retry_first_s, retry_most_s=timings.retry_most_s
        )
        self._cluster = cluster
        self._graph = Graph()
        for cache in cluster.caches():
            self._mind(cache)
        cluster.on_new_cache.append(self._mind)

    def _mind(self, cache: Cache) -> None:
        def on_change(old: Object | None, new: Object | None) -> None:
            if new is None:
                if old is not None:
                    self._on_gone(old)
            else:
                self._on_seen(Node(cache.resource, new))

        cache.listen(on_change)

    def _on_seen(self, node: Node) -> None:
        before = self._graph.get(node.uid)
        self._graph.put(node)
        if node.waits_for_dependents or node.lets_dependents_go:
            self.queue.add(node.uid)
            if node.waits_for_dependents and not (before is not None and before.waits_for_dependents):
                for dependent in self._graph.dependents(node.uid):
                    self.queue.add(dependent.uid)
        elif node.owners and (before is None or before.owners != node.owners):
            self.queue.add(node.uid)
        if before is not None and before.owners != node.owners:
            for owner in before.owners:
                self.queue.add(owner["uid"])

    def _on_gone(self, item: Object) -> None:
        uid = item["metadata"]["uid"]
        for dependent in self._graph.dependents(uid):
            self.queue.add(dependent.uid)
        for owner in item["metadata"].get("ownerReferences") or ():
            self.queue.add(owner["uid"])  # it may wait for this one in the foreground
        self._graph.drop(uid)

    async def reconcile(self, key: str) -> None:
        """Look at one object: as an owner that is going, and as a dependent."""
        node = self._graph.get(key)
        if node is None:
            return
        if node.lets_dependents_go:
            await self._let_go(node)
        elif node.waits_for_dependents:
            await self._wait_for_dependents(node)
        elif node.owners and not is_going(node.item):
            owners = await self._sort_owners(node)
            has_dependents = next(self._graph.dependents(key), None) is not None
            await self._perform(decide(node, owners, has_dependents=has_dependents))

    async def _let_go(self, node: Node) -> None:
        """Take the owner off every dependent, then let it be deleted."""
        for dependent in list(self._graph.dependents(node.uid)):
            left = [one for one in dependent.owners if one["uid"] != node.uid]
            await self._perform([_references(dependent, left)])
        await self._perform([_without_finalizer(node, ORPHAN)])

    async def _wait_for_dependents(self, node: Node) -> None:
        blocking = [one for one in self._graph.dependents(node.uid) if one.blocks(node.uid)]
        if not blocking:
            await self._perform([_without_finalizer(node, FOREGROUND)])
            return
        for dependent in blocking:
            if not is_going(dependent.item):
                self.queue.add(dependent.uid)

    async def _sort_owners(self, node: Node) -> Owners:
        solid, waiting, gone = [], [], []
        for reference in node.owners:
            owner = self._graph.get(reference["uid"])
            known = _can_own(owner, node) if owner is not None else await self._exists(reference, node)
            if not known:
                gone.append(reference)
            elif owner is not None and owner.waits_for_dependents:
                waiting.append(reference)
            else:
                solid.append(reference)
        return Owners(tuple(solid), tuple(waiting), tuple(gone))

    async def _exists(self, reference: Object, node: Node) -> bool:
        """Ask the server about an owner that no cache knows; an owner of an unknown kind may exist."""
        resource = self._cluster.resource_of(reference["apiVersion"], reference["kind"])
        if resource is None:
            return True
        namespace = node.item["metadata"].get("namespace", "") if resource.namespaced else ""
        if resource.namespaced and not namespace:
            return True  # no cluster-wide object can be owned by a namespaced one: left alone
        try:
            found = await self._cluster.api.get(resource.api_path(namespace, reference["name"]))
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return bool(found["metadata"]["uid"] == reference["uid"])

    async def _perform(self, changes: list[Change]) -> None:
        """As the cluster does; an object that is gone already needs nothing more."""
        try:
            await self._cluster.perform(changes)
        except ApiError as error:
            if error.status != 404:
                raise
