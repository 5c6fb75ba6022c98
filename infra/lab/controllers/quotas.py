"""ResourceQuotas: how much of each quota is used."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from infra.lab.client import Object
from infra.lab.controllers import kinds, pods
from infra.lab.controllers.cache import Cache
from infra.lab.controllers.cluster import Cluster
from infra.lab.controllers.pod_resources import limits_of, requests_of
from infra.lab.controllers.timings import ControllerTimings
from infra.lab.controllers.work_queue import WorkQueue
from infra.lab.objects.quantities import canonical

_COUNTED = (
    "pods",
    "services",
    "configmaps",
    "secrets",
    "persistentvolumeclaims",
    "replicationcontrollers",
    "resourcequotas",
)
_COMPUTE: Mapping[str, tuple[Callable[[Object], Mapping[str, Decimal]], str]] = {
    "cpu": (requests_of, "cpu"),
    "memory": (requests_of, "memory"),
    "requests.cpu": (requests_of, "cpu"),
    "requests.memory": (requests_of, "memory"),
    "limits.cpu": (limits_of, "cpu"),
    "limits.memory": (limits_of, "memory"),
}


def used(hard: Iterable[str], contents: Mapping[str, list[Object]]) -> dict[str, str]:
    """Use of each named resource, by the objects of the namespace (by qualified resource name)."""
    running = [pod for pod in contents.get("pods", ()) if not pods.is_finished(pod)]
    found = {}
    for name in hard:
        if name in _COMPUTE:
            amounts, resource = _COMPUTE[name]
            total = sum((amounts(pod).get(resource, Decimal(0)) for pod in running), Decimal(0))
            found[name] = canonical(_plain(total))
        elif name == "pods":
            found[name] = str(len(running))
        elif name in _COUNTED or name.startswith("count/"):
            found[name] = str(len(contents.get(name.removeprefix("count/"), ())))
    return found


def _plain(value: Decimal) -> str:
    return format(value, "f")


class QuotaController:
    """Keeps the status of quotas current."""

    name = "resourcequota"

    def __init__(self, cluster: Cluster, timings: ControllerTimings) -> None:
        self.queue: WorkQueue[tuple[str, str]] = WorkQueue(
            retry_first_s=timings.retry_first_s, retry_most_s=timings.retry_most_s
        )
        self._cluster = cluster
        self._quotas = cluster.cache(kinds.QUOTAS)
        self._quotas.listen(self._on_quota)
        for cache in cluster.caches():
            self._mind(cache)

    def _mind(self, cache: Cache) -> None:
        if cache.resource.namespaced and cache.resource != kinds.QUOTAS:
            cache.listen(self._on_content)

    def _on_quota(self, _old: Object | None, new: Object | None) -> None:
        if new is not None:
            self.queue.add((new["metadata"]["namespace"], new["metadata"]["name"]))

    def _on_content(self, old: Object | None, new: Object | None) -> None:
        both = old is not None and new is not None
        if both and (old or {}).get("kind") != "Pod":
            return  # only coming and going counts, and that pods end
        if old is not None and new is not None and pods.is_finished(old) == pods.is_finished(new):
            return
        namespace = (new or old or {})["metadata"]["namespace"]
        for quota in self._quotas.items(namespace):
            self.queue.add((namespace, quota["metadata"]["name"]))

    async def reconcile(self, key: tuple[str, str]) -> None:
        """Count what a quota limits."""
        quota = self._quotas.get(*key)
        if quota is None:
            return
        hard = (quota.get("spec") or {}).get("hard") or {}
        contents = {one.resource.qualified: one.items(key[0]) for one in self._cluster.caches()}
        status = {"hard": hard, "used": used(hard, contents)}
        if status != quota.get("status"):
            await self._cluster.set_status(kinds.QUOTAS, quota, status)
