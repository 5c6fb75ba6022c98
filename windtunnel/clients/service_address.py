"""Addresses of Kubernetes Services by their cluster name, also where the cluster's DNS does not reach."""

import re
import socket
from dataclasses import dataclass, field

from windtunnel.clients.cluster import Cluster
from windtunnel.clock import Clock, SystemClock
from windtunnel.model.errors import NotFoundError, ProbeError

_SERVICE = re.compile(r"([a-z0-9][a-z0-9-]*)\.([a-z0-9][a-z0-9-]*)\.svc(\.cluster\.local)?\.?", re.IGNORECASE)
_KEPT_S = 30.0


@dataclass(slots=True)
class ServiceAddresses:
    """Resolves `name.namespace.svc` to the Service's clusterIP, and remembers it for half a minute."""

    clock: Clock = field(default_factory=SystemClock)
    _known: dict[str, tuple[str, float]] = field(default_factory=dict)

    def address(self, host: str, cluster: Cluster | None) -> str:
        """Return the IP to connect to for *host*, or "" when the system's resolver knows it as it is.

        Raises:
            ProbeError: *host* is a Service's name that neither DNS nor the cluster knows.
            ClusterError: the cluster could not be asked.
        """
        match = _SERVICE.fullmatch(host)
        if match is None:
            return ""
        address, until = self._known.get(host, ("", -1.0))
        if self.clock.monotonic() < until:
            return address
        address = "" if _dns_knows(host) else _cluster_ip(match[1], match[2], host, cluster)
        self._known[host] = (address, self.clock.monotonic() + _KEPT_S)
        return address


def _dns_knows(host: str) -> bool:
    try:
        return bool(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
    except OSError:
        return False


def _cluster_ip(name: str, namespace: str, host: str, cluster: Cluster | None) -> str:
    if cluster is None:
        msg = f"DNS does not know {host}, and there is no cluster to ask for the service"
        raise ProbeError(msg)
    try:
        service = cluster.get("Service", name, namespace)
    except NotFoundError as error:
        msg = f"{host}: there is no service {name} in {namespace} on {cluster.label}"
        raise ProbeError(msg) from error
    address = str((service.get("spec") or {}).get("clusterIP") or "")
    if address in {"", "None"}:
        msg = f"{host}: the service {name} has no clusterIP, and DNS does not know it; probe one that has"
        raise ProbeError(msg)
    return address
