"""PATCH: the four ways to change an object, chosen by the body's media type."""

from typing import TYPE_CHECKING, Any

from infra.lab.apiserver import applying, presentation, reading
from infra.lab.apiserver.listing import get_object
from infra.lab.apiserver.options import WriteOptions
from infra.lab.apiserver.request import Answer, Request, Route
from infra.lab.apiserver.writing import replace, require_name
from infra.lab.objects import patches, statuses
from infra.lab.objects.resource import Resource
from infra.lab.objects.statuses import Cause, StatusError

if TYPE_CHECKING:
    from infra.lab.apiserver.server import ApiServer

Object = dict[str, Any]

_CUSTOM_PATCHES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/apply-patch+yaml",
)


def patch(server: "ApiServer", request: Request, route: Route) -> Answer:
    """PATCH of one object or of one of its subresources."""
    options = WriteOptions.of(request.query, "PatchOptions")
    if request.content_type == applying.APPLY_PATCH:
        return applying.apply(server, request, route, options)
    if "force" in request.query:
        cause = Cause("FieldValueForbidden", "Forbidden: may not be specified for non-apply patch", "force")
        raise StatusError(statuses.invalid_options("PatchOptions", [cause]))
    old = get_object(server, route)
    document = changed(request, route.resource, presentation.shown(route.resource, old))
    document = reading.decoded(document, route.resource, options, request=request, patch=True)
    require_name(document, route)
    stored = replace(server, request, route, old, document, dry_run=options.dry_run)
    return Answer(200, presentation.shown(route.resource, stored), resource=route.resource)


def changed(request: Request, resource: Resource, document: Object) -> Object:
    """A document after the patch in the body.

    Raises:
        StatusError: the patch cannot be read or applied, or its media type is none the resource knows.
    """
    match request.content_type:
        case "application/json-patch+json":
            return patches.json_patch(document, reading.read_patch(request))
        case "application/merge-patch+json":
            return patches.merge_patch(document, reading.read_patch(request))
        case "application/strategic-merge-patch+json" if not resource.custom:
            return patches.strategic_merge(document, reading.read_patch(request), kind=resource.kind)
        case _:
            raise StatusError(statuses.unsupported_media_type(_CUSTOM_PATCHES if resource.custom else []))
