"""The cluster as controllers see it: caches to read from, and writes that the caches know of at once.

Because a write's answer goes straight into the cache, a controller that reconciles again before the watch
has caught up does not create or delete the same thing twice.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime

from infra.lab.client import Api, ApiError, Object
from infra.lab.controllers import kinds, moments
from infra.lab.controllers.cache import Cache, IndexOf, follow
from infra.lab.controllers.changes import Change, Create, Note, Patch, Remove, Replace, SetStatus
from infra.lab.controllers.ownership import controller_index
from infra.lab.controllers.recorder import EventRecorder
from infra.lab.objects.resource import Resource, custom_resources
from infra.lab.objects.selectors import match_label_selector

_CONTROLLED = (kinds.REPLICA_SETS, kinds.REVISIONS, kinds.JOBS, kinds.SLICES)


def _labels_of(pod: Object) -> tuple[tuple[str, str, str], ...]:
    metadata = pod["metadata"]
    return tuple((metadata["namespace"], key, value) for key, value in (metadata.get("labels") or {}).items())


def _node_of(pod: Object) -> tuple[str, ...]:
    return (pod["spec"].get("nodeName", ""),)


_POD_INDEXES: dict[str, IndexOf] = {"controller": controller_index, "label": _labels_of, "node": _node_of}


class Cluster:
    """Caches of every resource, and the writes."""

    def __init__(self, api: Api, *, now: Callable[[], datetime] = moments.now) -> None:
        self.api = api
        self.now = now
        self.recorder = EventRecorder(api, now)
        self.on_new_cache: list[Callable[[Cache], None]] = []
        self._caches: dict[str, Cache] = {}
        self._followers: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        for resource in kinds.followed():
            indexes: dict[str, IndexOf] = {"controller": controller_index} if resource in _CONTROLLED else {}
            self._caches[resource.qualified] = Cache(
                resource, _POD_INDEXES if resource == kinds.PODS else indexes
            )
        self.cache(kinds.DEFINITIONS).listen(self._on_definition)

    def cache(self, resource: Resource) -> Cache:
        """The cache of a resource."""
        return self._caches[resource.qualified]

    def caches(self) -> list[Cache]:
        """All caches, those of custom resources included."""
        return list(self._caches.values())

    def resource_of(self, api_version: str, kind: str) -> Resource | None:
        """The resource of a kind in a group, in whatever version; None where there is none."""
        group = api_version.rpartition("/")[0]
        same = (one.resource for one in self._caches.values() if one.resource.group == group)
        return next((one for one in same if one.kind == kind), None)

    async def start(self, group: asyncio.TaskGroup) -> None:
        """Follow everything; returns when every cache is complete."""
        self._group = group
        for name, cache in list(self._caches.items()):
            if name not in self._followers:
                self._followers[name] = group.create_task(follow(self.api, cache), name=f"follow {name}")
        for cache in self.caches():
            await cache.synced.wait()

    def select_pods(self, namespace: str, selector: Object | None) -> list[Object]:
        """The pods of a namespace that a label selector matches."""
        if selector is None:
            return []
        pods = self.cache(kinds.PODS)
        pairs = [(namespace, key, value) for key, value in (selector.get("matchLabels") or {}).items()]
        if pairs:
            candidates = pods.by("label", min(pairs, key=lambda pair: pods.count("label", pair)))
        else:
            candidates = pods.items(namespace)
        return [pod for pod in candidates if match_label_selector(selector, pod["metadata"].get("labels"))]

    async def perform(self, changes: Iterable[Change]) -> None:
        """Carry out changes in their order.

        Raises:
            ApiError: the first refusal; what came before it stays done. The loss of a race about a deletion
                is none: what should go is gone.
        """
        for change in changes:
            try:
                written = await self._carry_out(change)
            except ApiError as error:
                await self._tell(change, error=error)
                raise
            await self._tell(change, written=written)
            await asyncio.sleep(0)

    async def create(self, resource: Resource, namespace: str, body: Object) -> Object:
        """Create an object and know it at once."""
        full = {"apiVersion": resource.group_version, "kind": resource.kind, **body}
        made = await self.api.post(resource.api_path(namespace), full)
        self.cache(resource).observe(made)
        return made

    async def patch(self, resource: Resource, target: Object, body: Object, subresource: str = "") -> Object:
        """Merge a patch into an object or a subresource of it."""
        made = await self.api.patch(_path(resource, target, subresource), body)
        self._took_effect(resource, made)
        return made

    async def replace(
        self, resource: Resource, target: Object, body: Object, subresource: str = ""
    ) -> Object:
        """Replace an object or a subresource; a change in between is a conflict."""
        made = await self.api.put(_path(resource, target, subresource), body)
        self._took_effect(resource, made)
        return made

    async def set_status(self, resource: Resource, target: Object, status: Object) -> Object:
        """Replace an object's status."""
        return await self.replace(resource, target, {**target, "status": status}, "status")

    async def remove(
        self, resource: Resource, target: Object, *, policy: str = "", grace_s: int | None = None
    ) -> bool:
        """Delete an object if it is still the same; the answer is whether it was there."""
        options: Object = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": target["metadata"]["uid"]},
        }
        if policy:
            options["propagationPolicy"] = policy
        if grace_s is not None:
            options["gracePeriodSeconds"] = grace_s
        try:
            answer = await self.api.delete(_path(resource, target, ""), options)
        except ApiError as error:
            if error.status in {404, 409}:
                self.cache(resource).remove(target)
                return False
            raise
        if "resourceVersion" in (answer.get("metadata") or {}):
            self._took_effect(resource, answer)
        else:
            self.cache(resource).remove(target)
        return True

    def _took_effect(self, resource: Resource, answer: Object) -> None:
        """An answer shows the new state; or the last one, of an object that is gone with this write."""
        metadata = answer["metadata"]
        held = metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds")
        namespace = resource == kinds.NAMESPACES and (answer.get("spec") or {}).get("finalizers")
        if "deletionTimestamp" in metadata and not held and not namespace:
            self.cache(resource).remove(answer)
        else:
            self.cache(resource).observe(answer)

    async def _carry_out(self, change: Change) -> Object:
        match change:
            case Create(resource, namespace, body):
                return await self.create(resource, namespace, body)
            case Remove(resource, target, policy, grace_s):
                await self.remove(resource, target, policy=policy, grace_s=grace_s)
                return target
            case Patch(resource, target, body, subresource):
                return await self.patch(resource, target, body, subresource)
            case Replace(resource, target, body):
                return await self.replace(resource, target, body)
            case SetStatus(resource, target, status):
                return await self.set_status(resource, target, status)

    async def _tell(
        self, change: Change, *, written: Object | None = None, error: ApiError | None = None
    ) -> None:
        note: Note | None = getattr(change, "note", None)
        if note is None:
            return
        if written is not None:
            message = note.message.replace("{name}", written["metadata"]["name"])
            await self.recorder.tell(note.about, note.reason, message, component=note.component)
        elif error is not None and note.failed_reason:
            message = note.failed_message.replace("{error}", str(error.body.get("message", error)))
            await self.recorder.tell(
                note.about, note.failed_reason, message, component=note.component, warning=True
            )

    def _on_definition(self, old: Object | None, new: Object | None) -> None:
        """Follow the objects of custom resources while their definition lasts."""
        served = {one.qualified: one for one in (custom_resources(new) if new else ())}
        for gone in {one.qualified for one in (custom_resources(old) if old else ())} - set(served):
            cache = self._caches.pop(gone, None)
            follower = self._followers.pop(gone, None)
            if follower is not None:
                follower.cancel()
            if cache is not None:
                cache.replace_all(())
        for name, resource in served.items():
            if name not in self._caches:
                cache = self._caches[name] = Cache(resource)
                for told in self.on_new_cache:
                    told(cache)
                if self._group is not None:
                    self._followers[name] = self._group.create_task(
                        follow(self.api, cache), name=f"follow {name}"
                    )


def _path(resource: Resource, target: Object, subresource: str) -> str:
    metadata = target["metadata"]
    path = resource.api_path(metadata.get("namespace", ""), metadata["name"])
    return f"{path}/{subresource}" if subresource else path
