"""Validation of services and network policies."""

import ipaddress

from infra.lab.objects import names
from infra.lab.objects.statuses import Cause, Json
from infra.lab.objects.validation.podspec import PROTOCOLS
from infra.lab.objects.validation.workloads import label_selector
from infra.lab.objects.wording import duplicate, invalid, one_of, required, unsupported

_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
_PORT = "must be between 1 and 65535, inclusive"
_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")


def service(obj: Json, old: Json | None) -> list[Cause]:
    """A service."""
    spec = obj.get("spec") or {}
    found = _same_address(spec, (old or {}).get("spec") or {})
    ports = spec.get("ports") or []
    if not ports and spec.get("clusterIP") != "None" and spec.get("type") != "ExternalName":
        found.append(required("spec.ports"))
    seen: set[str] = set()
    for index, port in enumerate(ports):
        found += _service_port(port, f"spec.ports[{index}]", seen, named=len(ports) > 1)
    found += one_of("spec.type", spec.get("type"), _TYPES)
    return [*found, *one_of("spec.sessionAffinity", spec.get("sessionAffinity"), ("ClientIP", "None"))]


def _service_port(port: Json, field: str, seen: set[str], *, named: bool) -> list[Cause]:
    found = []
    name = port.get("name") or ""
    if named and not name:
        found.append(required(f"{field}.name"))
    elif name in seen:
        found.append(duplicate(f"{field}.name", name))
    elif name:
        found += [invalid(f"{field}.name", name, words) for words in names.label(name)]
    if name:
        seen.add(name)
    number = port.get("port", 0)
    if not 1 <= number <= 65535:
        found.append(invalid(f"{field}.port", number, _PORT))
    if port.get("protocol") not in PROTOCOLS:
        found.append(unsupported(f"{field}.protocol", port.get("protocol", ""), PROTOCOLS))
    target = port.get("targetPort")
    if isinstance(target, int) and not 1 <= target <= 65535:
        found.append(invalid(f"{field}.targetPort", target, _PORT))
    elif isinstance(target, str):
        found += [invalid(f"{field}.targetPort", target, words) for words in names.port_name(target)]
    return found


def _same_address(spec: Json, old: Json) -> list[Cause]:
    """A cluster IP may not change once it is set."""
    was, now = old.get("clusterIP"), spec.get("clusterIP")
    if not was or now in {None, "", was} or "ExternalName" in {spec.get("type"), old.get("type")}:
        return []
    return [invalid("spec.clusterIPs[0]", [now], "may not change once set")]


def network_policy(obj: Json, old: Json | None) -> list[Cause]:
    """A network policy."""
    del old
    spec = obj.get("spec") or {}
    found = label_selector(spec.get("podSelector") or {}, "spec.podSelector")
    for part, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(part) or ()):
            field = f"spec.{part}[{index}]"
            found += _policy_ports(rule, field)
            for at, peer in enumerate(rule.get(peers) or ()):
                found += _peer(peer, f"{field}.{peers}[{at}]")
    for index, one in enumerate(spec.get("policyTypes") or ()):
        found += one_of(f"spec.policyTypes[{index}]", one, ("Ingress", "Egress"))
    return found


def _policy_ports(rule: Json, field: str) -> list[Cause]:
    found = []
    for index, port in enumerate(rule.get("ports") or ()):
        path = f"{field}.ports[{index}]"
        found += one_of(f"{path}.protocol", port.get("protocol"), PROTOCOLS)
        number = port.get("port")
        if isinstance(number, int) and not 1 <= number <= 65535:
            found.append(invalid(f"{path}.port", number, _PORT))
    return found


def _peer(peer: Json, field: str) -> list[Cause]:
    block = peer.get("ipBlock")
    if block is None:
        selectors = ((name, peer.get(name)) for name in ("podSelector", "namespaceSelector"))
        given = [(name, selector) for name, selector in selectors if selector is not None]
        if not given:
            return [required(field, "must specify a peer")]
        return [cause for name, selector in given for cause in label_selector(selector, f"{field}.{name}")]
    path = f"{field}.ipBlock"
    if not block.get("cidr"):
        return [required(f"{path}.cidr")]
    found = [] if _is_cidr(block["cidr"]) else [invalid(f"{path}.cidr", block["cidr"], _CIDR)]
    for index, one in enumerate(block.get("except") or ()):
        if not _is_cidr(one):
            found.append(invalid(f"{path}.except[{index}]", one, _CIDR))
    return found


def _is_cidr(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return "/" in text
