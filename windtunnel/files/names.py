"""Addresses and names in the files: URLs, workloads, Kubernetes names."""

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, StringConstraints, WithJsonSchema

from windtunnel.clients.kinds import Resource, resource
from windtunnel.files import words
from windtunnel.files.problems import listed, nearest, what
from windtunnel.model.errors import InputError

WORKLOAD_KINDS = ("deployment", "statefulset", "daemonset")
_KINDS = (
    *WORKLOAD_KINDS,
    "replicaset",
    "pod",
    "pods",
    "node",
    "nodes",
    "deployments",
    "statefulsets",
    "daemonsets",
)
OBJECT_NAME = r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"
_NAMESPACE = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
Namespace = Annotated[str, StringConstraints(pattern=rf"^{_NAMESPACE}$")]


def _workload(value: Any) -> str:
    """Read `deployment/checkout`."""
    written = words.text(value, "a workload; write kind/name, like deployment/checkout")
    kind, slash, name = written.partition("/")
    if not slash or not re.fullmatch(OBJECT_NAME, name):
        hint = f'; did you mean "deployment/{written}"?' if re.fullmatch(OBJECT_NAME, written) else ""
        msg = f"{what(written)} is not a workload; write kind/name, like deployment/checkout{hint}"
        raise ValueError(msg)
    if kind not in WORKLOAD_KINDS:
        near = nearest(kind, WORKLOAD_KINDS)
        hint = f'; did you mean "{near}"?' if near else ""
        msg = f"{what(kind)} is not a kind of workload; write {listed(WORKLOAD_KINDS)}{hint}"
        raise ValueError(msg)
    return written


def _dependency(value: Any) -> str:
    """Read `deployment/catalog`, or `payments/deployment/api` where it is in another namespace."""
    written = words.text(
        value, "a workload; write kind/name, like deployment/catalog, or namespace/kind/name"
    )
    namespace, slash, rest = written.partition("/")
    if "/" not in rest:
        return _workload(written)
    if not slash or not re.fullmatch(_NAMESPACE, namespace):
        msg = f"{what(written)} is not a workload; {what(namespace)} is no name of a namespace"
        raise ValueError(msg)
    return f"{namespace}/{_workload(rest)}"


def web_address(value: Any) -> str:
    """Read an address of http or https, without a password in it."""
    written = words.text(value, "a URL; write http://host:port/path")
    try:
        parts = urlsplit(written)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in written
        _ = parts.port
    except ValueError as error:
        msg = f"{what(written)} is not a URL: {error}"
        raise ValueError(msg) from None
    if words.has_placeholder(written):
        msg = f"{what(written)} has a placeholder; ${{NAME}} works in header values and in the body alone"
        raise ValueError(msg)
    if not usable:
        msg = f"{what(written)} is not a URL; write http://host:port/path"
        raise ValueError(msg)
    if parts.password:
        msg = "has a password in it; send the header Authorization with ${NAME} instead"
        raise ValueError(msg)
    return written


def kind_of(written: str) -> Resource:
    """Return the kind of an object written as kind/name, or as a kind alone."""
    return resource(written.partition("/")[0])


def _object(value: Any) -> str:
    """Read `deployment/checkout`, `node/worker-1` or `pods`."""
    written = words.text(value, "an object; write kind/name, like deployment/checkout")
    kind, slash, name = written.partition("/")
    try:
        resource(kind)
    except InputError:
        near = nearest(kind, _KINDS)
        hint = f'; did you mean "{near}"?' if near else ""
        msg = f"{what(kind)} is no known kind; write deployment, pods, node or plural.version.group{hint}"
        raise ValueError(msg) from None
    if slash and not re.fullmatch(OBJECT_NAME, name):
        msg = f"{what(name)} is not the name of an object"
        raise ValueError(msg)
    return written


Object = Annotated[str, BeforeValidator(_object), WithJsonSchema({"type": "string", "minLength": 1})]
Workload = Annotated[str, BeforeValidator(_workload)]
Dependency = Annotated[str, BeforeValidator(_dependency)]
Url = Annotated[str, BeforeValidator(web_address)]
