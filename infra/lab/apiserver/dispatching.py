"""Which function answers a resource request: by subresource first, then by verb."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from infra.lab.apiserver import (
    accounts,
    binding,
    deletion,
    eviction,
    listing,
    logs,
    patching,
    reviews,
    scaling,
    watching,
    writing,
)
from infra.lab.apiserver.negotiation import chosen_form
from infra.lab.apiserver.request import Answer, Request, Route, Stream
from infra.lab.objects import statuses
from infra.lab.objects.statuses import StatusError

if TYPE_CHECKING:
    from infra.lab.apiserver.server import ApiServer

_Handler = Callable[["ApiServer", Request, Route], Answer | Stream]

_SUBRESOURCES: dict[str, _Handler] = {
    "attach": logs.exec_in,
    "binding": binding.bind,
    "eviction": eviction.evict,
    "exec": logs.exec_in,
    "portforward": logs.exec_in,
    "scale": scaling.handle,
    "token": accounts.issue_token,
}
_VERBS: dict[str, _Handler] = {
    "create": writing.create,
    "delete": deletion.delete,
    "deletecollection": deletion.delete_collection,
    "get": listing.read,
    "list": listing.list_objects,
    "patch": patching.patch,
    "update": writing.update,
    "watch": watching.watch,
}


async def dispatch(server: "ApiServer", request: Request, route: Route) -> Answer | Stream:
    """Answer a request for a resource."""
    if route.resource.plural == "endpoints" and not route.resource.group:
        text = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"
        request.warnings.append(text)
    if route.subresource == "log":
        return await logs.read_log(server, request, route)
    request.form = chosen_form(request)
    if route.subresource == "proxy":
        message = "the lab proxies no requests: connect to the address of the pod or service itself"
        raise StatusError(statuses.status(501, "NotImplemented", message))
    if not route.resource.stored:
        handler = binding.bind if route.resource.plural == "bindings" else reviews.review
        return handler(server, request, route)
    if route.verb in {"list", "get"}:
        await _until_version(server, request)
    return _SUBRESOURCES.get(route.subresource, _VERBS[route.verb])(server, request, route)


async def _until_version(server: "ApiServer", request: Request) -> None:
    """Refuse a version that is still to come (the real server waits three seconds for it first)."""
    asked = request.query.get("resourceVersion", "")
    if asked.isdigit() and int(asked) > server.store.version and not request.query.get("continue"):
        raise StatusError(listing.too_large(int(asked), server.store.version), headers={"Retry-After": "1"})
