"""The API server's core: from a request to an answer, without sockets."""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from infra.lab.apiserver import access, bootstrap, dispatching, endpoints, routing
from infra.lab.apiserver.addresses import ServiceAddresses
from infra.lab.apiserver.admission import Admission
from infra.lab.apiserver.definitions import COLLECTION as DEFINITIONS
from infra.lab.apiserver.definitions import Definitions
from infra.lab.apiserver.deletion import Deletion
from infra.lab.apiserver.rbac import Authoriser
from infra.lab.apiserver.registry import Registry
from infra.lab.apiserver.request import ADMIN, Answer, Request, Route, Stream
from infra.lab.apiserver.store import Store
from infra.lab.apiserver.strategies import Strategies
from infra.lab.apiserver.tokens import Tokens
from infra.lab.client import ApiError
from infra.lab.objects import statuses
from infra.lab.objects.statuses import StatusError

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What an API server has to know about where it lives.

    Attributes:
        service_prefix: first two octets of service addresses: ``127.64`` hands out 127.64.96.0/20.
    """

    host: str
    port: int
    cert_file: str
    key_file: str
    ca_file: str
    admin_token: str
    service_prefix: str

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return f"https://{self.host}:{self.port}"


class ApiServer:
    """Store, registry, admission and the verbs. Writes are synchronous, hence atomic in one event loop."""

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        self.store = Store()
        self.registry = Registry()
        self.random = random.Random()  # noqa: S311 - suffixes of generated names are no secrets
        self.tokens = Tokens(self.store, settings.admin_token)
        self.authoriser = Authoriser(self.store)
        self.addresses = ServiceAddresses(self.store, settings.service_prefix)
        self.admission = Admission(self)
        self.strategies = Strategies(self)
        self.deletion = Deletion(self)
        self.definitions = Definitions(self)
        bootstrap.fill(self)

    async def handle(self, request: Request) -> Answer | Stream:
        """Answer a request.

        Raises:
            StatusError: the refusal to answer with.
        """
        path = routing.parse(request.path)
        access.authorise(self, request, path)
        if path is None:
            return endpoints.answer(self, request)
        if path.group and not self.registry.has_group(path.group):
            return endpoints.not_a_path()
        route = routing.resolve(self.registry, request, path)
        return await dispatching.dispatch(self, request, route)

    def stored(self, route: Route, document: Object) -> Object:
        """Do what follows from a write; the answer is the stored document."""
        if route.collection == DEFINITIONS:
            self.definitions.stored(document)
        return document

    def removed(self, route: Route, document: Object) -> Object:
        """Do what follows from a removal; the answer is the last state."""
        if route.collection == DEFINITIONS:
            self.definitions.removed(document)
        elif route.resource.custom:
            self.definitions.object_removed(route)
        return document

    async def call_in_process(
        self, method: str, path: str, query: dict[str, str], *, body: Any, content_type: str, agent: str
    ) -> Object:
        """A request from this process, as an administrator.

        Raises:
            ApiError: the server refused.
        """
        query = {"fieldValidation": "Ignore", **query}
        headers = {"content-type": content_type, "user-agent": agent}
        answer = await self._answer(Request(method, path, query, headers, ADMIN, document=body))
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
        answer = await self._answer(Request("GET", path, query, {"user-agent": agent}, ADMIN))
        if not isinstance(answer, Stream) or answer.events is None:
            raise ApiError(statuses.bad_request(f"{path} cannot be watched"))
        return answer.events

    async def _answer(self, request: Request) -> Answer | Stream:
        try:
            answer = await self.handle(request)
        except StatusError as error:
            raise ApiError(error.body, headers=error.headers) from error
        if isinstance(answer, Answer) and answer.status >= 400:
            raise ApiError({"message": str(answer.body), "code": answer.status})
        return answer


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
    return ApiServer(ServerSettings(host, port, cert_file, key_file, ca_file, admin_token, service_prefix))
