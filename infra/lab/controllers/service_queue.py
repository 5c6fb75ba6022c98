"""A queue of services that hears of their pods: both kinds of endpoints follow the same changes."""

from infra.lab.client import Object
from infra.lab.controllers import kinds
from infra.lab.controllers.cluster import Cluster
from infra.lab.controllers.timings import ControllerTimings
from infra.lab.controllers.work_queue import WorkQueue


class ServiceQueue(WorkQueue[tuple[str, str]]):
    """Keys of services whose own state or whose pods changed."""

    def __init__(self, cluster: Cluster, timings: ControllerTimings) -> None:
        super().__init__(retry_first_s=timings.retry_first_s, retry_most_s=timings.retry_most_s)
        self._services = cluster.cache(kinds.SERVICES)
        self._services.listen(self._on_service)
        cluster.cache(kinds.PODS).listen(self._on_pod)

    def _on_service(self, old: Object | None, new: Object | None) -> None:
        metadata = (new or old or {})["metadata"]
        self.add((metadata["namespace"], metadata["name"]))

    def _on_pod(self, old: Object | None, new: Object | None) -> None:
        either = new or old or {}
        namespace = either["metadata"]["namespace"]
        for service in self._services.items(namespace):
            selector = service["spec"].get("selector")
            if selector and (_matches(selector, old) or _matches(selector, new)):
                self.add((namespace, service["metadata"]["name"]))


def _matches(selector: dict[str, str], pod: Object | None) -> bool:
    return pod is not None and selector.items() <= (pod["metadata"].get("labels") or {}).items()
