"""The scale subresource: a small view of anything that has replicas."""

from typing import TYPE_CHECKING, Any

from infra.lab.apiserver import patching, reading
from infra.lab.apiserver.listing import get_object
from infra.lab.apiserver.options import WriteOptions
from infra.lab.apiserver.request import Answer, Request, Route
from infra.lab.apiserver.writing import replace, require_name
from infra.lab.objects import statuses
from infra.lab.objects.resource import Resource
from infra.lab.objects.selectors import as_label_text
from infra.lab.objects.statuses import Cause, StatusError

if TYPE_CHECKING:
    from infra.lab.apiserver.server import ApiServer

Object = dict[str, Any]

SCALE = Resource("autoscaling", "v1", "scales", "Scale", singular="scale", list_kind="ScaleList")


def handle(server: "ApiServer", request: Request, route: Route) -> Answer:
    """GET, PUT and PATCH of a scale."""
    parent = get_object(server, route)
    if route.verb == "get":
        return Answer(200, scale_of(route.resource, parent), resource=SCALE)
    kind = "PatchOptions" if route.verb == "patch" else "UpdateOptions"
    options = WriteOptions.of(request.query, kind)
    if route.verb == "patch":
        changed = patching.changed(request, SCALE, scale_of(route.resource, parent))
        changed = reading.decoded(changed, SCALE, options, request=request, patch=True)
    else:
        changed = reading.read_object(server, request, SCALE, options)
    require_name(changed, route)
    replicas = (changed.get("spec") or {}).get("replicas", 0)
    if replicas < 0:
        cause = Cause(
            "FieldValueInvalid",
            f"Invalid value: {replicas}: must be greater than or equal to 0",
            "spec.replicas",
        )
        raise StatusError(statuses.invalid(route.name or "", "Scale", "autoscaling", [cause]))
    new = _with_replicas(route.resource, parent, replicas)
    version = (changed.get("metadata") or {}).get("resourceVersion")
    if version:
        new["metadata"] = {**new["metadata"], "resourceVersion": version}
    stored = replace(server, request, route, parent, new, dry_run=options.dry_run)
    return Answer(200, scale_of(route.resource, stored), resource=SCALE)


def scale_of(resource: Resource, parent: Object) -> Object:
    """The Scale of an object. Zero replicas in the spec are left out, as the server does."""
    names = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    metadata = {key: parent["metadata"][key] for key in names if key in parent["metadata"]}
    wanted, now, selector = (
        _read_custom(resource, parent) if resource.custom else _read_builtin(resource, parent)
    )
    status: Object = {"replicas": now}
    if selector:
        status["selector"] = selector
    spec = {"replicas": wanted} if wanted else {}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": spec,
        "status": status,
    }


def _read_builtin(resource: Resource, parent: Object) -> tuple[int, int, str]:
    spec = parent.get("spec", {})
    selector = spec.get("selector")
    if resource.kind == "ReplicationController":
        selector = {"matchLabels": selector or {}}
    return spec.get("replicas", 0), parent.get("status", {}).get("replicas", 0), as_label_text(selector)


def _read_custom(resource: Resource, parent: Object) -> tuple[int, int, str]:
    paths = resource.scale or {}
    where = paths.get("specReplicasPath", ".spec.replicas")
    wanted = _at(parent, where)
    if wanted is None:
        raise StatusError(statuses.internal(f'the spec replicas field "{where}" does not exist'))
    now = _at(parent, paths.get("statusReplicasPath", ".status.replicas"))
    selector = _at(parent, paths["labelSelectorPath"]) if paths.get("labelSelectorPath") else ""
    return int(wanted), int(now or 0), str(selector or "")


def _at(document: Object, path: str) -> Any:
    value: Any = document
    for key in path.lstrip(".").split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _with_replicas(resource: Resource, parent: Object, replicas: int) -> Object:
    path = (resource.scale or {}).get("specReplicasPath", ".spec.replicas").lstrip(".").split(".")
    result = dict(parent)
    place = result
    for key in path[:-1]:
        place[key] = dict(place.get(key) or {})
        place = place[key]
    place[path[-1]] = replicas
    return result
