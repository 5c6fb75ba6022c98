"""Reading request bodies: JSON or YAML, of the right kind, with unknown fields reported."""

from typing import TYPE_CHECKING, Any

import orjson

from infra.lab.apiserver import presentation
from infra.lab.apiserver.options import WriteOptions
from infra.lab.apiserver.request import Request, Route
from infra.lab.objects import statuses
from infra.lab.objects.statuses import StatusError

if TYPE_CHECKING:
    from infra.lab.apiserver.server import ApiServer

Object = dict[str, Any]


def read_json(request: Request) -> Any:
    """The body as JSON values.

    Raises:
        StatusError: 400, it is not JSON.
    """
    if request.document is not None:
        return request.document
    try:
        return orjson.loads(request.raw)
    except orjson.JSONDecodeError as error:
        message = f"couldn't get version/kind; json parse error: {error}"
        raise StatusError(statuses.bad_request(message)) from None


def read_object(server: "ApiServer", request: Request, route: Route, options: WriteOptions) -> Object:
    """The body as an object of the route's kind."""
    document = read_json(request)
    if not isinstance(document, dict):
        raise StatusError(statuses.bad_request("the body is not an object"))
    expected = presentation.api_version(route.resource)
    kind = document.get("kind") or route.resource.kind
    version = document.get("apiVersion") or expected
    if kind != route.resource.kind or version != expected:
        message = f"{kind} in version {version!r} cannot be handled as a {route.resource.kind}"
        raise StatusError(statuses.bad_request(message))
    return document
