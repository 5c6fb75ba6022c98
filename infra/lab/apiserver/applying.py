"""Server-side apply: the PATCH that creates an object or merges into it by field owner."""

from typing import TYPE_CHECKING, Any

from infra.lab.apiserver import clock, presentation
from infra.lab.apiserver.options import WriteOptions
from infra.lab.apiserver.request import Answer, Request, Route
from infra.lab.apiserver.writing import create_object, replace
from infra.lab.objects import bodies, statuses
from infra.lab.objects.apply import check_applied, server_side_apply
from infra.lab.objects.statuses import Cause, StatusError

if TYPE_CHECKING:
    from infra.lab.apiserver.server import ApiServer

Object = dict[str, Any]

APPLY_PATCH = "application/apply-patch+yaml"
_TRUE = frozenset({"1", "true", "True"})


def apply(server: "ApiServer", request: Request, route: Route, options: WriteOptions) -> Answer:
    """PATCH with an applied configuration: 201 where it created the object, else 200."""
    manager = request.query.get("fieldManager", "")
    if not manager:
        cause = Cause("FieldValueRequired", "Required value: is required for apply patch", "fieldManager")
        raise StatusError(statuses.invalid_options("PatchOptions", [cause]))
    applied = request.document if request.document is not None else bodies.read_apply(request.raw)
    check_applied(applied, route.resource)
    live = server.store.collection(route.collection).get((route.namespace or "", route.name or ""))
    _require_current(route, live, applied)
    merged = server_side_apply(
        live,
        applied,
        manager=manager,
        force=request.query.get("force", "") in _TRUE,
        resource=route.resource,
        now=clock.timestamp(),
        subresource=route.subresource,
    )
    document = presentation.stored_form(route.resource, merged)
    fields = document["metadata"].pop("managedFields", [])
    if live is None:
        if route.subresource:
            raise StatusError(
                statuses.not_found(route.name or "", route.resource.plural, route.resource.group)
            )
        stored = create_object(server, request, route, document, dry_run=options.dry_run, managed=fields)
    else:
        stored = replace(server, request, route, live, document, dry_run=options.dry_run, managed=fields)
    body = presentation.shown(route.resource, stored)
    return Answer(201 if live is None else 200, body, resource=route.resource)


def _require_current(route: Route, live: Object | None, applied: Object) -> None:
    """Refuse a configuration that names another version or object than the stored one."""
    given = applied.get("metadata") or {}
    resource = route.resource
    if given.get("name", route.name) != route.name:
        message = (
            f"the name of the object ({given['name']}) does not match the name on the URL ({route.name})"
        )
        raise StatusError(statuses.bad_request(message))
    given.setdefault("name", route.name)
    version = given.get("resourceVersion")
    if live is not None and version and version != live["metadata"]["resourceVersion"]:
        raise StatusError(statuses.conflict(route.name or "", resource.plural, resource.group))
