"""Which address and port leads to which endpoints: computed from Services and EndpointSlices. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
Address = tuple[str, int]

SERVICE_LABEL = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class Route:
    """Where connections to one ClusterIP and port go.

    Attributes:
        service: ``namespace/name``.
        backends: addresses of the endpoints that take new connections, sorted.
    """

    service: str
    backends: tuple[Address, ...]


def routes(services: Iterable[Object], slices: Iterable[Object]) -> dict[Address, Route]:
    """The route of every TCP port of every Service with a cluster IP, also of those without endpoints."""
    by_service: dict[str, list[Object]] = {}
    for part in slices:
        name = part["metadata"].get("labels", {}).get(SERVICE_LABEL)
        if name:
            by_service.setdefault(f"{part['metadata']['namespace']}/{name}", []).append(part)
    found = {}
    for service in services:
        address = service["spec"].get("clusterIP", "")
        if address in ("", "None"):
            continue
        key = service_key(service)
        for port in service["spec"].get("ports") or []:
            if port.get("protocol", "TCP") == "TCP":
                backends = _backends(by_service.get(key, []), port.get("name") or "")
                found[(address, port["port"])] = Route(key, backends)
    return found


def service_key(service: Object) -> str:
    """``namespace/name``."""
    return f"{service['metadata']['namespace']}/{service['metadata']['name']}"


def _backends(slices: Iterable[Object], port_name: str) -> tuple[Address, ...]:
    """Ready endpoints; where there are none, those that still serve while they terminate."""
    ready: set[Address] = set()
    ending: set[Address] = set()
    for part in slices:
        ports = [port["port"] for port in part.get("ports") or [] if (port.get("name") or "") == port_name]
        for endpoint in part.get("endpoints") or []:
            conditions: Mapping[str, bool] = endpoint.get("conditions") or {}
            addresses = {(address, port) for address in endpoint["addresses"] for port in ports}
            if conditions.get("ready", True):
                ready |= addresses
            elif conditions.get("serving") and conditions.get("terminating"):
                ending |= addresses
    return tuple(sorted(ready or ending))
