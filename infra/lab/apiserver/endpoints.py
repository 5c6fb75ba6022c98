"""Everything that is no resource: discovery, health, version, OpenAPI."""

from typing import TYPE_CHECKING, Any

from infra.lab.apiserver import openapi
from infra.lab.apiserver.request import Answer, Request
from infra.lab.objects import discovery, statuses
from infra.lab.objects.statuses import StatusError

if TYPE_CHECKING:
    from infra.lab.apiserver.server import ApiServer

Object = dict[str, Any]

PLAIN = {"Content-Type": "text/plain; charset=utf-8"}
_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_HEALTH = ("/healthz", "/livez", "/readyz")


def not_a_path() -> Answer:
    """The answer for a path that nothing serves."""
    return Answer(404, "404 page not found\n", dict(PLAIN))


def answer(server: "ApiServer", request: Request) -> Answer:
    """Answer a request for a path that is no resource's."""
    path = request.path.rstrip("/") or "/"
    if request.method != "GET":
        raise StatusError(statuses.method_not_allowed())
    if path.startswith(_HEALTH):
        return Answer(200, "ok", dict(PLAIN))
    if path == "/version":
        return Answer(200, discovery.version())
    if path == "/":
        return Answer(
            200,
            {
                "paths": [
                    "/api",
                    "/api/v1",
                    "/apis",
                    "/healthz",
                    "/livez",
                    "/openapi/v3",
                    "/readyz",
                    "/version",
                ]
            },
        )
    if path.startswith("/openapi"):
        return openapi.answer(server, path)
    return _discovery(server, request, path.strip("/").split("/"))


def _discovery(server: "ApiServer", request: Request, parts: list[str]) -> Answer:
    resources = tuple(server.registry)
    if parts in (["api"], ["apis"]):
        if _wants_aggregated(request):
            body = discovery.aggregated(resources, core=parts == ["api"])
            return Answer(200, body, {"Content-Type": _AGGREGATED})
        settings = server.settings
        if parts == ["api"]:
            return Answer(200, discovery.api_versions(address=f"{settings.host}:{settings.port}"))
        return Answer(200, discovery.group_list(resources))
    found = None
    match parts:
        case ["apis", group]:
            found = discovery.group(resources, group)
            return Answer(200, found) if found else not_a_path()
        case ["apis", group, version]:
            found = discovery.resource_list(resources, group, version)
            if found is None and not server.registry.has_group(group):
                return not_a_path()
        case ["api", version]:
            found = discovery.resource_list(resources, "", version)
        case _:
            return not_a_path()
    if found is None:
        raise StatusError(statuses.no_such_resource())
    return Answer(200, found)


def _wants_aggregated(request: Request) -> bool:
    return any(
        {"g=apidiscovery.k8s.io", "v=v2", "as=APIGroupDiscoveryList"}
        <= {part.strip() for part in one.split(";")}
        for one in request.accept.split(",")
    )
