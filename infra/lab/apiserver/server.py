"""The API server's core: from a request to an answer, without sockets."""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from infra.lab.apiserver import deletion, listing, patching, routing, watching, writing
from infra.lab.apiserver.admission import Admission
from infra.lab.apiserver.managers import FieldManagers
from infra.lab.apiserver.registry import Registry
from infra.lab.apiserver.request import ADMIN, Answer, Request, Route, Stream
from infra.lab.apiserver.store import Store
from infra.lab.apiserver.strategies import Strategies
from infra.lab.client import ApiError
from infra.lab.objects import statuses
from infra.lab.objects.statuses import StatusError

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What an API server has to know about where it lives."""

    host: str
    port: int
    cert_file: str
    key_file: str
    ca_file: str
    admin_token: str
    service_prefix: str
    """First two octets of service addresses: ``127.64`` hands out 127.64.96.0/20."""

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return f"https://{self.host}:{self.port}"


class ApiServer:
    """Store, registry, admission and the verbs. All writes are synchronous, hence atomic in one event loop."""

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        self.store = Store()
        self.registry = Registry()
        self.random = random.Random()  # noqa: S311 - suffixes of generated names are no secrets
        self.admission = Admission(self)
        self.strategies = Strategies()
        self.managers = FieldManagers()
        self.deletion = deletion.Deletion(self)

    async def handle(self, request: Request) -> Answer | Stream:
        """Answer a request.

        Raises:
            StatusError: the refusal to answer with.
        """
        path = routing.parse(request.path)
        if path is None:
            raise StatusError(statuses.no_such_resource())
        route = routing.resolve(self.registry, request, path)
        return self.dispatch(request, route)

    def dispatch(self, request: Request, route: Route) -> Answer | Stream:
        """Hand a resource request to its verb."""
        match route.verb:
            case "get":
                return listing.read(self, route)
            case "list":
                return listing.list_objects(self, request, route)
            case "watch":
                return watching.watch(self, request, route)
            case "create":
                return writing.create(self, request, route)
            case "update":
                return writing.update(self, request, route)
            case "patch":
                return patching.patch(self, request, route)
            case "delete":
                return deletion.delete(self, request, route)
            case _:
                return deletion.delete_collection(self, request, route)

    def stored(self, route: Route, document: Object, before: Object | None) -> Object:
        """What follows from a write; the answer is the stored document."""
        return document

    def removed(self, route: Route, document: Object) -> Object:
        """What follows from a removal; the answer is the last state."""
        return document

    async def call_in_process(
        self, method: str, path: str, query: dict[str, str], *, body: Any, content_type: str, agent: str
    ) -> Object:
        """A request from this process, as an administrator.

        Raises:
            ApiError: the server refused.
        """
        headers = {"content-type": content_type, "user-agent": agent}
        request = Request(method, path, query, headers, ADMIN, document=body)
        try:
            answer = await self.handle(request)
        except StatusError as error:
            raise ApiError(error.body, headers=error.headers) from error
        if isinstance(answer, Stream) or not isinstance(answer.body, dict):
            return {"message": answer.body if isinstance(answer, Answer) else ""}
        return answer.body

    async def watch_in_process(
        self, path: str, query: dict[str, str], *, agent: str
    ) -> AsyncIterator[tuple[str, Object]]:
        """A watch from this process, as an administrator.

        Raises:
            ApiError: the server refused.
        """
        request = Request("GET", path, query, {"user-agent": agent}, ADMIN)
        try:
            answer = await self.handle(request)
        except StatusError as error:
            raise ApiError(error.body, headers=error.headers) from error
        if not isinstance(answer, Stream) or answer.events is None:
            raise ApiError(statuses.bad_request(f"{path} cannot be watched"))
        return answer.events


def create_server(
    *,
    host: str,
    port: int,
    cert_file: str,
    key_file: str,
    ca_file: str,
    admin_token: str,
    service_prefix: str = "127.64",
) -> ApiServer:
    """An API server that is ready to answer; `web.serve` puts it behind HTTPS."""
    return ApiServer(
        ServerSettings(host, port, cert_file, key_file, ca_file, admin_token, service_prefix)
    )
