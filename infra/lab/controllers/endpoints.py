"""Endpoints: the older list of a service's addresses, ready ones and not."""

import itertools
from collections.abc import Iterable

from infra.lab.client import Object
from infra.lab.controllers import endpoint_rules as rules
from infra.lab.controllers import kinds
from infra.lab.controllers.cluster import Cluster
from infra.lab.controllers.endpoint_rules import Port
from infra.lab.controllers.ownership import is_going
from infra.lab.controllers.service_queue import ServiceQueue
from infra.lab.controllers.timings import ControllerTimings

MANAGED_BY = {"endpoints.kubernetes.io/managed-by": "endpoint-controller"}
HEADLESS = "service.kubernetes.io/headless"
MOST_ADDRESSES = 1000
"""Endpoints hold no more; slices know them all."""


def subsets_of(service: Object, pods: Iterable[Object]) -> list[Object]:
    """Addresses grouped by the ports they share. A pod on its way out is in none."""
    groups: dict[tuple[Port, ...], tuple[list[Object], list[Object]]] = {}
    publish = service["spec"].get("publishNotReadyAddresses")
    known = sorted((pod for pod in pods if rules.counts(pod)), key=rules.address_of)
    for pod in itertools.islice(known, MOST_ADDRESSES):
        ports = rules.ports_of(service, pod)
        if (is_going(pod) and not publish) or not ports:
            continue
        ready, waiting = groups.setdefault(ports, ([], []))
        (ready if rules.accepts_traffic(service, pod) else waiting).append(_address(service, pod))
    return [
        _subset(ports, ready, waiting) for ports, (ready, waiting) in sorted(groups.items(), key=_first_port)
    ]


def _first_port(group: tuple[tuple[Port, ...], object]) -> tuple[str, int]:
    return group[0][0].name, group[0][0].number


def _address(service: Object, pod: Object) -> Object:
    name = rules.host_name(service, pod)
    address: Object = {"ip": rules.address_of(pod), **({"hostname": name} if name else {})}
    return {**address, "nodeName": pod["spec"]["nodeName"], "targetRef": rules.reference_to_pod(pod)}


def _subset(ports: tuple[Port, ...], ready: list[Object], waiting: list[Object]) -> Object:
    subset: Object = {}
    if ready:
        subset["addresses"] = ready
    if waiting:
        subset["notReadyAddresses"] = waiting
    subset["ports"] = [
        {
            **({"name": port.name} if port.name else {}),
            "port": port.number,
            "protocol": port.protocol,
            **({"appProtocol": port.app_protocol} if port.app_protocol else {}),
        }
        for port in ports
    ]
    return subset


def labels_of(service: Object) -> dict[str, str]:
    """The labels of a service's Endpoints: its own, and who looks after them."""
    labels = {**(service["metadata"].get("labels") or {}), **MANAGED_BY}
    return {**labels, HEADLESS: ""} if rules.is_headless(service) else labels


class EndpointsController:
    """Keeps Endpoints in step with services and pods."""

    name = "endpoints"

    def __init__(self, cluster: Cluster, timings: ControllerTimings) -> None:
        self._cluster = cluster
        self._services = cluster.cache(kinds.SERVICES)
        self._endpoints = cluster.cache(kinds.ENDPOINTS)
        self.queue = ServiceQueue(cluster, timings)
        self._endpoints.listen(self._on_endpoints)

    def _on_endpoints(self, old: Object | None, new: Object | None) -> None:
        metadata = (new or old or {})["metadata"]
        self.queue.add((metadata["namespace"], metadata["name"]))

    async def reconcile(self, key: tuple[str, str]) -> None:
        """Write the Endpoints of a service, or remove those of one that is gone."""
        service, have = self._services.get(*key), self._endpoints.get(*key)
        if service is None:
            if have is not None and _is_ours(have) and not is_going(have):
                await self._cluster.remove(kinds.ENDPOINTS, have)
            return
        if not rules.has_endpoints(service) or is_going(service):
            return
        subsets = subsets_of(
            service, self._cluster.select_pods(key[0], {"matchLabels": service["spec"]["selector"]})
        )
        labels = labels_of(service)
        if have is None:
            metadata = {"name": key[1], "namespace": key[0], "labels": labels}
            body = {"metadata": metadata, **({"subsets": subsets} if subsets else {})}
            await self._cluster.create(kinds.ENDPOINTS, key[0], body)
            return
        if (have.get("subsets") or []) == subsets and (have["metadata"].get("labels") or {}) == labels:
            return
        changed = {field: value for field, value in have.items() if field != "subsets"}
        changed["metadata"] = {**have["metadata"], "labels": labels}
        await self._cluster.replace(
            kinds.ENDPOINTS, have, {**changed, **({"subsets": subsets} if subsets else {})}
        )


def _is_ours(endpoints: Object) -> bool:
    return MANAGED_BY.items() <= (endpoints["metadata"].get("labels") or {}).items()
