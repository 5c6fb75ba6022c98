"""Defaults of namespaces, nodes, events, claims, limit ranges and custom resource definitions."""

from infra.lab.objects.statuses import Json

NAME_LABEL = "kubernetes.io/metadata.name"
_NODE_INFO = (
    "machineID",
    "systemUUID",
    "bootID",
    "kernelVersion",
    "osImage",
    "containerRuntimeVersion",
    "kubeletVersion",
    "kubeProxyVersion",
    "operatingSystem",
    "architecture",
)


def namespace(obj: Json) -> None:
    """A namespace: its own name as a label, which cannot be changed."""
    metadata = obj.setdefault("metadata", {})
    if metadata.get("name"):
        metadata.setdefault("labels", {})[NAME_LABEL] = metadata["name"]
    obj.setdefault("spec", {})
    obj.setdefault("status", {}).setdefault("phase", "Active")


def node(obj: Json) -> None:
    """A node: the parts of its status that are written even when nothing is known."""
    obj.setdefault("spec", {})
    status = obj.setdefault("status", {})
    status.setdefault("daemonEndpoints", {}).setdefault("kubeletEndpoint", {}).setdefault("Port", 0)
    info = status.setdefault("nodeInfo", {})
    for name in _NODE_INFO:
        info.setdefault(name, "")
    if "capacity" in status:
        status.setdefault("allocatable", dict(status["capacity"]))
    for condition in status.get("conditions", ()):
        condition.setdefault("lastHeartbeatTime", None)
        condition.setdefault("lastTransitionTime", None)


def event(obj: Json) -> None:
    """An event, in the form of the core API: what is unknown is written as null or empty."""
    obj.setdefault("involvedObject", {})
    obj.setdefault("source", {})
    for name in ("firstTimestamp", "lastTimestamp", "eventTime"):
        obj.setdefault(name, None)
    obj.setdefault("reportingComponent", "")
    obj.setdefault("reportingInstance", "")


def claim(obj: Json) -> None:
    """A persistent volume claim."""
    obj.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
    obj.setdefault("status", {}).setdefault("phase", "Pending")


def limit_range(obj: Json) -> None:
    """A limit range: a container's default limit is its maximum, its default request the default limit."""
    for item in obj.get("spec", {}).get("limits", ()):
        if item.get("type") != "Container":
            continue
        limits = {**item.get("max", {}), **item.get("default", {})}
        requests = {
            **limits,
            **item.get("min", {}),
            **item.get("default", {}),
            **item.get("defaultRequest", {}),
        }
        if limits:
            item["default"] = limits
        if requests:
            item["defaultRequest"] = requests


def definition(obj: Json) -> None:
    """A custom resource definition: derived names, and no conversion."""
    spec = obj.setdefault("spec", {})
    names = spec.setdefault("names", {})
    if names.get("kind"):
        names.setdefault("singular", names["kind"].lower())
        names.setdefault("listKind", f"{names['kind']}List")
    spec.setdefault("conversion", {}).setdefault("strategy", "None")
    status = obj.setdefault("status", {})
    status.setdefault("conditions", None)
    status.setdefault("acceptedNames", {"plural": "", "kind": ""})
    stored = [version["name"] for version in spec.get("versions", ()) if version.get("storage")]
    if not status.get("storedVersions"):
        status["storedVersions"] = stored
