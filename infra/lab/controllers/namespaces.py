"""Namespaces: what every one of them gets, and how one of them goes."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from infra.lab.client import ApiError, Object
from infra.lab.controllers import kinds
from infra.lab.controllers.cache import Cache
from infra.lab.controllers.cluster import Cluster
from infra.lab.controllers.conditions import with_condition
from infra.lab.controllers.ownership import is_going
from infra.lab.controllers.timings import ControllerTimings
from infra.lab.controllers.work_queue import WorkQueue
from infra.lab.objects.resource import Resource

ROOT_CA = "kube-root-ca.crt"
_DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints "
    "such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across "
    "distributions of Kubernetes clusters."
)


@dataclass(slots=True)
class Remains:
    """What is still in a namespace that is going: objects by resource, finalizers by name."""

    resources: Counter[str] = field(default_factory=Counter)
    finalizers: Counter[str] = field(default_factory=Counter)


def remains_of(contents: Mapping[Resource, Iterable[Object]]) -> Remains:
    """Count what is left."""
    found = Remains()
    for resource, items in contents.items():
        for item in items:
            found.resources[f"{resource.plural}.{resource.group}"] += 1
            found.finalizers.update(item["metadata"].get("finalizers") or ())
    return found


def deletion_conditions(
    conditions: list[Object], remains: Remains, failure: str, now: datetime
) -> list[Object]:
    """The five conditions that say how far the deletion of a namespace got."""

    def put(kind: str, bad: str, good: tuple[str, str]) -> None:
        nonlocal conditions
        reason, message = (good[0], good[1]) if not bad else (_BAD[kind], bad)
        conditions = with_condition(
            conditions, kind, "True" if bad else "False", reason=reason, message=message, now=now
        )

    put(
        "NamespaceDeletionDiscoveryFailure",
        "",
        ("ResourcesDiscovered", "All resources successfully discovered"),
    )
    parsed = ("ParsedGroupVersions", "All legacy kube types successfully parsed")
    put("NamespaceDeletionGroupVersionParsingFailure", "", parsed)
    deleted = "All content successfully deleted, may be waiting on finalization"
    put("NamespaceDeletionContentFailure", failure, ("ContentDeleted", deleted))
    left = ", ".join(
        f"{name} has {count} resource instances" for name, count in sorted(remains.resources.items())
    )
    words = f"Some resources are remaining: {left}" if left else ""
    put("NamespaceContentRemaining", words, ("ContentRemoved", "All content successfully removed"))
    held = ", ".join(
        f"{name} in {count} resource instances" for name, count in sorted(remains.finalizers.items())
    )
    words = f"Some content in the namespace has finalizers remaining: {held}" if held else ""
    finished = ("ContentHasNoFinalizers", "All content-preserving finalizers finished")
    put("NamespaceFinalizersRemaining", words, finished)
    return conditions


_BAD = {
    "NamespaceDeletionContentFailure": "ContentDeletionFailed",
    "NamespaceContentRemaining": "SomeResourcesRemain",
    "NamespaceFinalizersRemaining": "SomeFinalizersRemain",
}


class NamespaceController:
    """Fills new namespaces, and empties those that are deleted."""

    name = "namespace"

    def __init__(self, cluster: Cluster, timings: ControllerTimings, *, root_ca: str) -> None:
        self.queue: WorkQueue[str] = WorkQueue(
            retry_first_s=timings.retry_first_s, retry_most_s=timings.retry_most_s
        )
        self._cluster = cluster
        self._root_ca = root_ca
        self._namespaces = cluster.cache(kinds.NAMESPACES)
        self._namespaces.listen(self._on_namespace)
        for cache in cluster.caches():
            self._mind(cache)
        cluster.on_new_cache.append(self._mind)

    def _mind(self, cache: Cache) -> None:
        """Hear of what comes and goes inside namespaces."""
        if cache.resource.namespaced:
            cache.listen(self._on_content)

    def _on_namespace(self, _old: Object | None, new: Object | None) -> None:
        if new is not None:
            self.queue.add(new["metadata"]["name"])

    def _on_content(self, old: Object | None, new: Object | None) -> None:
        either = new or old or {}
        namespace = self._namespaces.get("", either["metadata"]["namespace"])
        if namespace is None:
            return
        gone = new is None and either["metadata"]["name"] in {ROOT_CA, "default"}
        if is_going(namespace) or gone:
            self.queue.add(namespace["metadata"]["name"])

    async def reconcile(self, key: str) -> None:
        """Fill a namespace, or empty it and let it go."""
        namespace = self._namespaces.get("", key)
        if namespace is None:
            return
        if is_going(namespace):
            await self._empty(namespace)
        else:
            await self._fill(key)

    async def _fill(self, name: str) -> None:
        accounts, maps = self._cluster.cache(kinds.SERVICE_ACCOUNTS), self._cluster.cache(kinds.CONFIG_MAPS)
        if accounts.get(name, "default") is None:
            await self._create(
                kinds.SERVICE_ACCOUNTS, name, {"metadata": {"name": "default", "namespace": name}}
            )
        if maps.get(name, ROOT_CA) is None:
            annotations = {"kubernetes.io/description": _DESCRIPTION}
            metadata = {"name": ROOT_CA, "namespace": name, "annotations": annotations}
            await self._create(
                kinds.CONFIG_MAPS, name, {"metadata": metadata, "data": {"ca.crt": self._root_ca}}
            )

    async def _create(self, resource: Resource, namespace: str, body: Object) -> None:
        try:
            await self._cluster.create(resource, namespace, body)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise

    async def _empty(self, namespace: Object) -> None:
        """Delete the content, pods first; then say what is left, or finalize."""
        name = namespace["metadata"]["name"]
        if "kubernetes" not in (namespace.get("spec") or {}).get("finalizers", ()):
            return
        failure = ""
        try:
            await self._delete_content(name)
        except ApiError as error:
            failure = str(error.body.get("message", error))
        remains = remains_of(self._content(name))
        current = self._namespaces.get("", name)
        if current is None:
            return
        if failure or remains.resources:
            await self._report(current, remains, failure)
            if failure:
                self.queue.retry(name)
            return
        spec = current.get("spec") or {}
        left = [one for one in spec.get("finalizers", ()) if one != "kubernetes"]
        finalized = {**current, "spec": {**spec, "finalizers": left}}
        await self._cluster.replace(kinds.NAMESPACES, current, finalized, "finalize")

    async def _delete_content(self, name: str) -> None:
        pods = [one for one in self._cluster.cache(kinds.PODS).items(name) if not is_going(one)]
        for pod in pods:
            await self._cluster.remove(kinds.PODS, pod, policy="Background")
        for resource, items in self._content(name).items():
            if resource == kinds.PODS:
                continue
            for item in items:
                if not is_going(item):
                    await self._cluster.remove(resource, item, policy="Background")
        await self._cluster.api.delete(kinds.EVENTS.api_path(name))

    async def _report(self, namespace: Object, remains: Remains, failure: str) -> None:
        status = namespace.get("status") or {}
        old = list(status.get("conditions") or [])
        conditions = deletion_conditions(old, remains, failure, self._cluster.now())
        if conditions != old:
            changed = {**status, "phase": "Terminating", "conditions": conditions}
            await self._cluster.set_status(kinds.NAMESPACES, namespace, changed)

    def _content(self, name: str) -> dict[Resource, list[Object]]:
        found = {one.resource: one.items(name) for one in self._cluster.caches() if one.resource.namespaced}
        return {resource: items for resource, items in found.items() if items}
