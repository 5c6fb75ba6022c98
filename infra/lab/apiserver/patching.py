"""PATCH: the four ways to change an object, chosen by the body's media type."""

from typing import TYPE_CHECKING, Any

from infra.lab.apiserver import presentation
from infra.lab.apiserver.bodies import read_json
from infra.lab.apiserver.listing import get_object
from infra.lab.apiserver.options import WriteOptions
from infra.lab.apiserver.request import Answer, Request, Route
from infra.lab.apiserver.writing import replace
from infra.lab.objects import patches, statuses
from infra.lab.objects.statuses import StatusError

if TYPE_CHECKING:
    from infra.lab.apiserver.server import ApiServer

Object = dict[str, Any]

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


def patch(server: "ApiServer", request: Request, route: Route) -> Answer:
    """PATCH of one object or of one of its subresources."""
    options = WriteOptions.of(request.query, "PatchOptions")
    old = get_object(server, route)
    document = presentation.shown(route.resource, old)
    changed = presentation.bare(_apply(route, request, document))
    stored = replace(server, request, route, old, changed, dry_run=options.dry_run)
    return Answer(200, presentation.shown(route.resource, stored), resource=route.resource)


def _apply(route: Route, request: Request, document: Object) -> Object:
    change = read_json(request)
    match request.content_type:
        case "application/json-patch+json":
            return patches.json_patch(document, change)
        case "application/merge-patch+json":
            return patches.merge_patch(document, change)
        case "application/strategic-merge-patch+json" if not route.resource.custom:
            return patches.strategic_merge(document, change, kind=route.resource.kind)
        case _:
            raise StatusError(statuses.unsupported_media_type([]))
