"""The columns of nodes, namespaces, services, events and the other small kinds."""

from datetime import datetime

from infra.lab.objects.selectors import as_label_text
from infra.lab.objects.statuses import Json
from infra.lab.objects.tables.column import (
    NONE,
    UNKNOWN,
    UNSET,
    Column,
    age,
    age_column,
    joined,
    name_column,
    selector_text,
    text_column,
)

_ROLE = "node-role.kubernetes.io/"


def _spec(obj: Json) -> Json:
    return obj.get("spec") or {}


def _status(obj: Json) -> Json:
    return obj.get("status") or {}


def nodes() -> tuple[Column, ...]:
    """`kubectl get nodes`."""
    return (
        name_column(),
        text_column("Status", _node_status),
        text_column("Roles", _roles),
        age_column(),
        text_column("Version", lambda node: _info(node, "kubeletVersion")),
        text_column("Internal-IP", lambda node: _address(node, "InternalIP"), wide=True),
        text_column("External-IP", lambda node: _address(node, "ExternalIP"), wide=True),
        text_column("OS-Image", lambda node: _info(node, "osImage") or UNKNOWN, wide=True),
        text_column("Kernel-Version", lambda node: _info(node, "kernelVersion") or UNKNOWN, wide=True),
        text_column(
            "Container-Runtime", lambda node: _info(node, "containerRuntimeVersion") or UNKNOWN, wide=True
        ),
    )


def _info(node: Json, key: str) -> str:
    return str(_status(node).get("nodeInfo", {}).get(key, ""))


def _node_status(node: Json) -> str:
    ready = [one for one in _status(node).get("conditions") or () if one.get("type") == "Ready"]
    words = [("Ready" if one.get("status") == "True" else "NotReady") for one in ready] or ["Unknown"]
    if _spec(node).get("unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def _roles(node: Json) -> str:
    labels = node["metadata"].get("labels") or {}
    return joined(sorted(key.removeprefix(_ROLE) for key in labels if key.startswith(_ROLE) and key != _ROLE))


def _address(node: Json, kind: str) -> str:
    found = (one.get("address") for one in _status(node).get("addresses") or () if one.get("type") == kind)
    return next(found, None) or NONE


def namespaces() -> tuple[Column, ...]:
    """`kubectl get namespaces`."""
    return (name_column(), text_column("Status", lambda obj: _status(obj).get("phase", "")), age_column())


def services() -> tuple[Column, ...]:
    """`kubectl get services`."""
    return (
        name_column(),
        text_column("Type", lambda obj: _spec(obj).get("type", "")),
        text_column("Cluster-IP", lambda obj: _spec(obj).get("clusterIP") or NONE),
        text_column("External-IP", _external_address),
        text_column("Port(s)", _ports),
        age_column(),
        text_column("Selector", lambda obj: selector_text(_spec(obj).get("selector")), wide=True),
    )


def _external_address(service: Json) -> str:
    spec = _spec(service)
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName", ""))
    given = [
        one.get("ip") or one.get("hostname", "")
        for one in _status(service).get("loadBalancer", {}).get("ingress") or ()
    ]
    found = [*given, *(spec.get("externalIPs") or ())]
    return ",".join(found) or ("<pending>" if spec.get("type") == "LoadBalancer" else NONE)


def _ports(service: Json) -> str:
    listed = []
    for one in _spec(service).get("ports") or ():
        outside = f":{one['nodePort']}" if one.get("nodePort") else ""
        listed.append(f"{one['port']}{outside}/{one.get('protocol', 'TCP')}")
    return joined(listed)


def endpoints() -> tuple[Column, ...]:
    """`kubectl get endpoints`."""
    return (name_column(), text_column("Endpoints", _endpoint_list), age_column())


def _endpoint_list(obj: Json) -> str:
    found = []
    for subset in obj.get("subsets") or ():
        for address in subset.get("addresses") or ():
            found += [f"{address['ip']}:{port['port']}" for port in subset.get("ports") or ()] or [
                address["ip"]
            ]
    return _first(found)


def _first(found: list[str]) -> str:
    """At most three, and how many more."""
    return joined(found) if len(found) <= 3 else f"{','.join(found[:3])} + {len(found) - 3} more..."


def endpoint_slices() -> tuple[Column, ...]:
    """`kubectl get endpointslices`."""
    return (
        name_column(),
        text_column("AddressType", lambda obj: obj.get("addressType", "")),
        text_column("Ports", lambda obj: _slice_ports(obj.get("ports") or [])),
        text_column("Endpoints", _slice_addresses),
        age_column(),
    )


def _slice_ports(ports: list[Json]) -> str:
    return _first([str(port["port"]) for port in ports if port.get("port")]) if ports else UNSET


def _slice_addresses(obj: Json) -> str:
    found = [address for one in obj.get("endpoints") or () for address in one.get("addresses") or ()]
    return _first(found) if found else UNSET


def config_maps() -> tuple[Column, ...]:
    """`kubectl get configmaps`."""
    return (name_column(), text_column("Data", _keys, kind="string"), age_column())


def _keys(obj: Json) -> str:
    return str(len(obj.get("data") or {}) + len(obj.get("binaryData") or {}))


def secrets() -> tuple[Column, ...]:
    """`kubectl get secrets`."""
    data = text_column("Data", lambda obj: str(len(obj.get("data") or {})))
    return (name_column(), text_column("Type", lambda obj: obj.get("type", "")), data, age_column())


def service_accounts() -> tuple[Column, ...]:
    """`kubectl get serviceaccounts`."""
    return (
        name_column(),
        text_column("Secrets", lambda obj: str(len(obj.get("secrets") or ()))),
        age_column(),
    )


def leases() -> tuple[Column, ...]:
    """`kubectl get leases`."""
    holder = text_column("Holder", lambda obj: _spec(obj).get("holderIdentity", ""))
    return (name_column(), holder, age_column())


def network_policies() -> tuple[Column, ...]:
    """`kubectl get networkpolicies`."""
    chosen = text_column(
        "Pod-Selector", lambda obj: as_label_text(_spec(obj).get("podSelector") or {}) or NONE
    )
    return (name_column(), chosen, age_column())


def events() -> tuple[Column, ...]:
    """`kubectl get events`; events are given in the form of the core API."""
    return (
        Column("Last Seen", _last_seen),
        text_column("Type", lambda obj: obj.get("type", "")),
        text_column("Reason", lambda obj: obj.get("reason", "")),
        text_column("Object", _about),
        text_column("Subobject", lambda obj: _involved(obj).get("fieldPath", ""), wide=True),
        text_column("Source", _source, wide=True),
        text_column("Message", lambda obj: (obj.get("message") or "").strip()),
        Column("First Seen", lambda obj, now: age(_first_time(obj), now), priority=1),
        text_column(
            "Count",
            lambda obj: obj.get("count") or (obj.get("series") or {}).get("count") or 1,
            wide=True,
            kind="string",
        ),
        Column("Name", lambda obj, _: obj["metadata"]["name"], priority=1, format="name"),
    )


def _involved(event: Json) -> Json:
    return event.get("involvedObject") or {}


def _first_time(event: Json) -> str | None:
    return event.get("firstTimestamp") or event.get("eventTime")


def _last_seen(event: Json, now: datetime) -> str:
    last = (event.get("series") or {}).get("lastObservedTime") or event.get("lastTimestamp")
    return age(last or _first_time(event), now)


def _about(event: Json) -> str:
    about = _involved(event)
    kind = about.get("kind", "").lower()
    return f"{kind}/{about['name']}" if about.get("name") else kind


def _source(event: Json) -> str:
    source = event.get("source") or {}
    parts = [source.get("component") or event.get("reportingComponent", ""), source.get("host", "")]
    return ", ".join(part for part in parts if part)


def created_at() -> tuple[Column, ...]:
    """Kinds whose table shows a time instead of an age: roles and custom resource definitions."""
    return (
        name_column(),
        text_column("Created At", lambda obj: obj["metadata"].get("creationTimestamp", "")),
    )


def role_bindings() -> tuple[Column, ...]:
    """`kubectl get rolebindings`."""
    role = text_column("Role", lambda obj: f"{obj['roleRef'].get('kind')}/{obj['roleRef'].get('name')}")
    return (name_column(), role, age_column())


def plain() -> tuple[Column, ...]:
    """Every other kind."""
    return (name_column(), age_column())
