"""Which pods a service leads to, on which ports, and in which state."""

from dataclasses import dataclass

from infra.lab.client import Object
from infra.lab.controllers import pods
from infra.lab.controllers.ownership import is_going

TRIGGER_TIME = "endpoints.kubernetes.io/last-change-trigger-time"


@dataclass(frozen=True, slots=True)
class Port:
    """A port on which pods answer for a service."""

    name: str
    number: int
    protocol: str
    app_protocol: str = ""


def has_endpoints(service: Object) -> bool:
    """Whether controllers look after the service's endpoints: it selects pods and is no mere alias."""
    return bool(service["spec"].get("selector")) and service["spec"].get("type") != "ExternalName"


def address_of(pod: Object) -> str:
    """The pod's address; empty while it has none."""
    return str((pod.get("status") or {}).get("podIP", ""))


def ports_of(service: Object, pod: Object) -> tuple[Port, ...]:
    """The service's ports as this pod has them; a named port the pod does not declare is left out."""
    found = []
    for port in service["spec"].get("ports") or ():
        protocol = port.get("protocol", "TCP")
        number = _number(port.get("targetPort", port["port"]), protocol, pod)
        if number:
            found.append(Port(port.get("name", ""), number, protocol, port.get("appProtocol", "")))
    return tuple(found)


def _number(target: int | str, protocol: str, pod: Object) -> int:
    if isinstance(target, int):
        return target
    containers = [*pod["spec"].get("containers", ()), *(pod["spec"].get("initContainers") or ())]
    for container in containers:
        for port in container.get("ports") or ():
            if port.get("name") == target and port.get("protocol", "TCP") == protocol:
                return int(port["containerPort"])
    return 0


def counts(pod: Object) -> bool:
    """Whether a selected pod is an endpoint at all, in whatever state."""
    return bool(address_of(pod)) and not pods.is_finished(pod) and bool(pod["spec"].get("nodeName"))


def accepts_traffic(service: Object, pod: Object) -> bool:
    """Whether the service sends new connections to the pod."""
    if service["spec"].get("publishNotReadyAddresses"):
        return True
    return pods.is_ready(pod) and not is_going(pod)


def reference_to_pod(pod: Object) -> Object:
    """How endpoints name the pod behind them."""
    metadata = pod["metadata"]
    return {
        "kind": "Pod",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
    }


def host_name(service: Object, pod: Object) -> str:
    """The pod's own name below the service, if it asked for one."""
    spec = pod["spec"]
    if spec.get("hostname") and spec.get("subdomain") == service["metadata"]["name"]:
        return str(spec["hostname"])
    return ""


def is_headless(service: Object) -> bool:
    """Whether the service has no address of its own."""
    return bool(service["spec"].get("clusterIP") == "None")
