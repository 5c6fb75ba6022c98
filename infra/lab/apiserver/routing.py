"""From a path to a Route: group, version, resource, namespace, name, subresource, verb."""

from dataclasses import dataclass

from infra.lab.apiserver.registry import Registry
from infra.lab.apiserver.request import Request, Route
from infra.lab.objects import statuses
from infra.lab.objects.resource import Resource
from infra.lab.objects.statuses import StatusError

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "get"}
_TRUE = frozenset({"1", "true", "True", "TRUE", "t", "T"})


@dataclass(frozen=True, slots=True)
class ApiPath:
    """The parts of a resource path, before anybody asked whether the resource exists."""

    group: str
    version: str
    plural: str
    namespace: str | None
    name: str | None
    subresource: str
    rest: str


def parse(path: str) -> ApiPath | None:
    """The parts of a resource path; None for any other path (discovery, health, ...)."""
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) >= 3:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) >= 4:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = None
    if (
        rest[0] == "namespaces"
        and len(rest) >= 3
        and not (len(rest) == 3 and rest[2] in {"status", "finalize"})
    ):
        namespace, rest = rest[1], rest[2:]
    rest = [*rest, "", "", ""]
    return ApiPath(
        group, version, rest[0], namespace, rest[1] or None, rest[2], "/".join(rest[3:]).rstrip("/")
    )


def verb_of(request: Request, path: ApiPath) -> str:
    """The verb that authorisation and handling go by."""
    if request.method not in _VERBS:
        raise StatusError(statuses.method_not_allowed())
    verb = _VERBS[request.method]
    if verb == "get" and request.query.get("watch") in _TRUE:
        return "watch"
    if path.name is None:
        return {"get": "list", "delete": "deletecollection"}.get(verb, verb)
    return verb


def resolve(registry: Registry, request: Request, path: ApiPath) -> Route:
    """The route of a path; 404 where there is no such resource, 405 where it lacks the verb."""
    resource = registry.lookup(path.group, path.version, path.plural)
    if resource is None:
        raise StatusError(statuses.no_such_resource())
    if path.namespace is not None and not resource.namespaced:
        raise StatusError(statuses.no_such_resource())
    verb = verb_of(request, path)
    _require_verb(resource, path, verb)
    return Route(verb, resource, path.namespace, path.name, path.subresource, path.rest)


def _require_verb(resource: Resource, path: ApiPath, verb: str) -> None:
    """Refuse a subresource that does not exist, and a verb that the path does not have."""
    if path.subresource:
        part = resource.subresource(path.subresource)
        if part is None and resource.custom:
            raise StatusError(statuses.not_found(path.name or "", resource.plural, resource.group))
        if part is None:
            raise StatusError(statuses.no_such_resource())
        allowed = verb in part.verbs
    elif path.name is None:
        allowed = verb in resource.verbs and verb not in {"update", "patch"}
    else:
        allowed = verb in resource.verbs and verb != "create"
    if not allowed:
        raise StatusError(statuses.method_not_allowed())
