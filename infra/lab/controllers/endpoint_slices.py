"""EndpointSlices: a service's endpoints in pages of a hundred, with what each of them can take."""

from collections.abc import Iterable, Sequence
from typing import Any

from infra.lab.client import Object
from infra.lab.controllers import endpoint_rules as rules
from infra.lab.controllers import kinds, pods
from infra.lab.controllers.changes import Change, Create, Remove, Replace
from infra.lab.controllers.cluster import Cluster
from infra.lab.controllers.endpoint_rules import Port
from infra.lab.controllers.endpoints import HEADLESS
from infra.lab.controllers.ownership import controller_of, is_going, reference_to
from infra.lab.controllers.service_queue import ServiceQueue
from infra.lab.controllers.timings import ControllerTimings

MANAGED_BY = {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}
SERVICE_NAME = "kubernetes.io/service-name"
MOST_ENDPOINTS = 100
ZONE = "topology.kubernetes.io/zone"


def endpoint_of(service: Object, pod: Object, node: Object | None) -> Object:
    """A pod as an endpoint. One on its way out serves as long as it is ready, but takes nothing new."""
    serving = pods.is_ready(pod) or bool(service["spec"].get("publishNotReadyAddresses"))
    conditions = {
        "ready": rules.accepts_traffic(service, pod),
        "serving": serving,
        "terminating": is_going(pod),
    }
    endpoint: Object = {"addresses": [rules.address_of(pod)], "conditions": conditions}
    name = rules.host_name(service, pod)
    if name:
        endpoint["hostname"] = name
    endpoint["targetRef"] = rules.reference_to_pod(pod)
    endpoint["nodeName"] = pod["spec"]["nodeName"]
    zone = ((node or {}).get("metadata", {}).get("labels") or {}).get(ZONE)
    return {**endpoint, "zone": zone} if zone else endpoint


def plan(
    service: Object, wanted: dict[tuple[Port, ...], list[Object]], slices: Sequence[Object]
) -> list[Change]:
    """Bring the slices in step, with few writes: endpoints stay where they are, new ones fill gaps."""
    changes: list[Change] = []
    left = {ports: {_identity(one): one for one in endpoints} for ports, endpoints in wanted.items()}
    kept: list[tuple[Object, tuple[Port, ...], list[Object]]] = []
    for one in sorted(slices, key=lambda found: found["metadata"]["name"]):
        ports = _ports_in(one)
        if is_going(one):
            continue
        pool = left.get(ports, {})
        stay = [pool.pop(_identity(have)) for have in one.get("endpoints") or () if _identity(have) in pool]
        kept.append((one, ports, stay))
    for _, ports, stay in kept:
        pool = left.get(ports, {})
        while pool and len(stay) < MOST_ENDPOINTS:
            stay.append(pool.pop(next(iter(pool))))
    filled = [one for one in kept if one[2]]
    spare = [one for one in kept if not one[2]]
    for ports, pool in left.items():
        rest = list(pool.values())
        for start in range(0, len(rest), MOST_ENDPOINTS):
            page = rest[start : start + MOST_ENDPOINTS]
            if spare:
                filled.append((spare.pop(0)[0], ports, page))
            else:
                changes.append(_create(service, ports, page))
    if not filled and not changes:
        if spare:
            filled.append((spare.pop(0)[0], (), []))
        else:
            changes.append(_create(service, (), []))
    changes += [change for one, ports, page in filled for change in _update(service, one, ports, page)]
    return [*changes, *(Remove(kinds.SLICES, one) for one, _, _ in spare)]


def _identity(endpoint: Object) -> tuple[Any, ...]:
    return (endpoint.get("targetRef") or {}).get("uid"), *endpoint["addresses"]


def _ports_in(one: Object) -> tuple[Port, ...]:
    ports = one.get("ports") or ()
    return tuple(
        Port(
            port.get("name") or "",
            port.get("port") or 0,
            port.get("protocol", "TCP"),
            port.get("appProtocol") or "",
        )
        for port in ports
    )


def _labels(service: Object) -> dict[str, str]:
    labels = {
        **(service["metadata"].get("labels") or {}),
        **MANAGED_BY,
        SERVICE_NAME: service["metadata"]["name"],
    }
    return {**labels, HEADLESS: ""} if rules.is_headless(service) else labels


def _content(ports: tuple[Port, ...], endpoints: list[Object]) -> Object:
    written = [
        {
            "name": port.name,
            "protocol": port.protocol,
            "port": port.number,
            **({"appProtocol": port.app_protocol} if port.app_protocol else {}),
        }
        for port in ports
    ]
    return {"endpoints": endpoints or None, "ports": written or None}


def _create(service: Object, ports: tuple[Port, ...], endpoints: list[Object]) -> Create:
    metadata = service["metadata"]
    body = {
        "metadata": {
            "generateName": f"{metadata['name']}-",
            "namespace": metadata["namespace"],
            "labels": _labels(service),
            "ownerReferences": [reference_to(service)],
        },
        "addressType": "IPv4",
        **_content(ports, endpoints),
    }
    return Create(kinds.SLICES, metadata["namespace"], body)


def _update(
    service: Object, one: Object, ports: tuple[Port, ...], endpoints: list[Object]
) -> Iterable[Change]:
    content, labels = _content(ports, endpoints), _labels(service)
    same = all((one.get(field) or None) == value for field, value in content.items())
    if not same or (one["metadata"].get("labels") or {}) != labels:
        yield Replace(
            kinds.SLICES, one, {**one, "metadata": {**one["metadata"], "labels": labels}, **content}
        )


class EndpointSliceController:
    """Keeps EndpointSlices in step with services and pods."""

    name = "endpointslice"

    def __init__(self, cluster: Cluster, timings: ControllerTimings) -> None:
        self._cluster = cluster
        self._services = cluster.cache(kinds.SERVICES)
        self._slices = cluster.cache(kinds.SLICES)
        self._nodes = cluster.cache(kinds.NODES)
        self.queue = ServiceQueue(cluster, timings)
        self._slices.listen(self._on_slice)

    def _on_slice(self, old: Object | None, new: Object | None) -> None:
        either = new or old or {}
        labels = either["metadata"].get("labels") or {}
        if MANAGED_BY.items() <= labels.items() and labels.get(SERVICE_NAME):
            self.queue.add((either["metadata"]["namespace"], labels[SERVICE_NAME]))

    async def reconcile(self, key: tuple[str, str]) -> None:
        """Write the slices of a service; those of one that is gone fall to garbage collection."""
        service = self._services.get(*key)
        if service is None or is_going(service) or not rules.has_endpoints(service):
            return
        wanted: dict[tuple[Port, ...], list[Object]] = {}
        selected = self._cluster.select_pods(key[0], {"matchLabels": service["spec"]["selector"]})
        for pod in sorted(selected, key=lambda one: one["metadata"]["name"]):
            ports = rules.ports_of(service, pod)
            if rules.counts(pod) and ports:
                node = self._nodes.get("", pod["spec"]["nodeName"])
                wanted.setdefault(ports, []).append(endpoint_of(service, pod, node))
        slices = [
            one for one in self._slices.by("controller", service["metadata"]["uid"]) if _is_ours(one, service)
        ]
        await self._cluster.perform(plan(service, wanted, slices))


def _is_ours(one: Object, service: Object) -> bool:
    labels, owner = one["metadata"].get("labels") or {}, controller_of(one)
    ours = MANAGED_BY.items() <= labels.items() and owner is not None
    return ours and labels.get(SERVICE_NAME) == service["metadata"]["name"]
