"""A container's environment and command line: literals, references, downward API, service links."""

import os
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from infra.lab.client import Api, ApiError

Object = dict[str, Any]

_REFERENCE = re.compile(r"\$\$|\$\(([-._a-zA-Z][-._a-zA-Z0-9]*)\)")
_KEYED_FIELD = re.compile(r"^metadata\.(labels|annotations)\['([^']+)'\]$")


class ConfigError(Exception):
    """The environment refers to something absent. Shown as CreateContainerConfigError."""


async def container_environment(
    pod: Object,
    container: Object,
    *,
    api: Api,
    services: Iterable[Object],
    home: Path,
    address: str,
    node_ip: str,
) -> dict[str, str]:
    """All variables of a container, in the order Kubernetes gives them precedence.

    Args:
        pod: the pod.
        container: one entry of its spec's containers.
        api: where config maps and secrets are read.
        services: the Services of the pod's namespace, for service links.
        home: the container's private folder.
        address: the pod's IP.
        node_ip: the node's IP.

    Raises:
        ConfigError: a required config map, secret, key or field is absent.
    """
    made = _base(pod, home=home, address=address)
    if pod["spec"].get("enableServiceLinks", True):
        made |= service_links(services)
    for source in container.get("envFrom", []):
        made |= await _whole_source(source, pod["metadata"]["namespace"], api)
    field = _downward(pod, container, address=address, node_ip=node_ip)
    for variable in container.get("env", []):
        value = await _value(variable, pod["metadata"]["namespace"], api, field, made)
        if value is not None:
            made[variable["name"]] = value
    return made


def expand(text: str, known: Mapping[str, str]) -> str:
    """Replace ``$(NAME)`` by its value; unknown names and ``$$(NAME)`` stay, as Kubernetes has it."""

    def replaced(match: re.Match[str]) -> str:
        name = match.group(1)
        return "$" if name is None else known.get(name, match.group(0))

    return _REFERENCE.sub(replaced, text)


def service_links(services: Iterable[Object]) -> dict[str, str]:
    """``<NAME>_SERVICE_HOST`` and ``_PORT`` of every Service that has a cluster IP."""
    made: dict[str, str] = {}
    for service in services:
        host = service["spec"].get("clusterIP", "")
        ports = service["spec"].get("ports") or []
        if host in ("", "None") or not ports:
            continue
        stem = service["metadata"]["name"].upper().replace("-", "_")
        made[f"{stem}_SERVICE_HOST"] = host
        made[f"{stem}_SERVICE_PORT"] = str(ports[0]["port"])
        for port in ports:
            if port.get("name"):
                made[f"{stem}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = str(port["port"])
    return made


def _base(pod: Object, *, home: Path, address: str) -> dict[str, str]:
    """What every container of the lab has. PATH is the agent's: images bring no file system of their own."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "HOSTNAME": pod["spec"].get("hostname") or pod["metadata"]["name"],
        "POD_IP": address,
        "POD_NAME": pod["metadata"]["name"],
        "POD_NAMESPACE": pod["metadata"]["namespace"],
        "NODE_NAME": pod["spec"]["nodeName"],
    }


async def _whole_source(source: Object, namespace: str, api: Api) -> dict[str, str]:
    kind = "configMap" if "configMapRef" in source else "secret"
    reference = source[f"{kind}Ref"]
    data = await _data(kind, reference, namespace, api)
    return {source.get("prefix", "") + key: value for key, value in (data or {}).items()}


async def _value(
    variable: Object, namespace: str, api: Api, field: Callable[[str], str], made: Mapping[str, str]
) -> str | None:
    source = variable.get("valueFrom")
    if not source:
        return expand(variable.get("value", ""), made)
    if "fieldRef" in source:
        return field(source["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in source:
        return field(source["resourceFieldRef"]["resource"])
    for kind in ("configMap", "secret"):
        if reference := source.get(f"{kind}KeyRef"):
            return await _keyed(kind, reference, namespace, api)
    message = f"the lab cannot fill variable {variable['name']} from {', '.join(source)}"
    raise ConfigError(message)


async def _keyed(kind: str, reference: Object, namespace: str, api: Api) -> str | None:
    data = await _data(kind, reference, namespace, api)
    if data is None or reference["key"] not in data:
        if reference.get("optional"):
            return None
        called = "ConfigMap" if kind == "configMap" else "Secret"
        message = f"couldn't find key {reference['key']} in {called} {namespace}/{reference['name']}"
        raise ConfigError(message)
    return str(data[reference["key"]])


async def _data(kind: str, reference: Object, namespace: str, api: Api) -> dict[str, str] | None:
    """A config map's or secret's data as text; None when it is absent and optional."""
    plural = "configmaps" if kind == "configMap" else "secrets"
    try:
        found = await api.get(f"/api/v1/namespaces/{namespace}/{plural}/{reference['name']}")
    except ApiError as error:
        if error.status == 404 and reference.get("optional"):
            return None
        raise ConfigError(str(error.body.get("message", error))) from error
    if kind == "configMap":
        return dict(found.get("data") or {})
    return {key: _decoded(value) for key, value in (found.get("data") or {}).items()}


def _decoded(value: str) -> str:
    import base64

    return base64.b64decode(value).decode("utf-8", "replace")


def _downward(pod: Object, container: Object, *, address: str, node_ip: str) -> Callable[[str], str]:
    """A function from a fieldPath, or a resource name, to its text."""
    plain: dict[str, str] = {
        "metadata.name": pod["metadata"]["name"],
        "metadata.namespace": pod["metadata"]["namespace"],
        "metadata.uid": pod["metadata"]["uid"],
        "spec.nodeName": pod["spec"]["nodeName"],
        "spec.serviceAccountName": pod["spec"].get("serviceAccountName", ""),
        "status.hostIP": node_ip,
        "status.hostIPs": node_ip,
        "status.podIP": address,
        "status.podIPs": address,
    }
    for bound in ("requests", "limits"):
        for resource, amount in container.get("resources", {}).get(bound, {}).items():
            plain[f"{bound}.{resource}"] = str(amount)

    def read(path: str) -> str:
        if keyed := _KEYED_FIELD.match(path):
            return str(pod["metadata"].get(keyed.group(1), {}).get(keyed.group(2), ""))
        if path not in plain:
            message = f"the lab cannot fill a variable from field {path}"
            raise ConfigError(message)
        return plain[path]

    return read


MakeEnvironment = Callable[[Object, Object, Path], Awaitable[dict[str, str]]]
