"""How the lab's own parts talk to its API server: one protocol, in process or over HTTPS.

Belongs here: the protocol, its two implementations and the error both raise. Does not belong here:
anything about one kind of object.
"""

import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    import aiohttp

    from infra.lab.apiserver.server import ApiServer

Object = dict[str, Any]

PATCH_TYPES = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json": "application/json-patch+json",
    "apply": "application/apply-patch+yaml",
}


class ApiError(Exception):
    """The API server refused a request.

    Attributes:
        status: HTTP status.
        reason: machine-readable reason (``NotFound``, ``Conflict``, ...), may be empty.
        body: the Status document, or ``{"message": text}`` where the server answered plain text.
        headers: headers that belong to the refusal, such as Retry-After.
    """

    def __init__(
        self, body: Object, *, status: int | None = None, headers: dict[str, str] | None = None
    ) -> None:
        self.body = body
        self.status = int(status if status is not None else body.get("code", 500))
        self.reason = str(body.get("reason", ""))
        self.headers = headers or {}
        super().__init__(f"{self.status} {self.reason}: {body.get('message', '')}")


class Api(Protocol):
    """The Kubernetes API by path. Answers are read-only: copy before changing."""

    async def get(self, path: str, **query: str) -> Object:
        """Read an object or a list."""
        ...

    async def post(self, path: str, body: Object, **query: str) -> Object:
        """Create an object, or post to a subresource."""
        ...

    async def put(self, path: str, body: Object, **query: str) -> Object:
        """Replace an object."""
        ...

    async def patch(self, path: str, body: Any, *, kind: str = "merge", **query: str) -> Object:
        """Change an object; kind is merge, strategic, json or apply."""
        ...

    async def delete(self, path: str, body: Object | None = None, **query: str) -> Object:
        """Delete an object or a collection; the body is a DeleteOptions."""
        ...

    def watch(self, path: str, *, resource_version: str, **query: str) -> AsyncIterator[tuple[str, Object]]:
        """Follow a collection: (ADDED|MODIFIED|DELETED|BOOKMARK, object); raises ApiError on ERROR events."""
        ...


class InProcessApi:
    """Calls the server's core directly, without sockets or serialisation, as an administrator."""

    def __init__(self, server: "ApiServer", *, agent: str = "lab-controllers") -> None:
        self._server = server
        self._agent = agent

    async def get(self, path: str, **query: str) -> Object:
        """Read an object or a list."""
        return await self._call("GET", path, query)

    async def post(self, path: str, body: Object, **query: str) -> Object:
        """Create an object, or post to a subresource."""
        return await self._call("POST", path, query, body=body)

    async def put(self, path: str, body: Object, **query: str) -> Object:
        """Replace an object."""
        return await self._call("PUT", path, query, body=body)

    async def patch(self, path: str, body: Any, *, kind: str = "merge", **query: str) -> Object:
        """Change an object; kind is merge, strategic, json or apply."""
        return await self._call("PATCH", path, query, body=body, content_type=PATCH_TYPES[kind])

    async def delete(self, path: str, body: Object | None = None, **query: str) -> Object:
        """Delete an object or a collection."""
        return await self._call("DELETE", path, query, body=body)

    async def watch(
        self, path: str, *, resource_version: str, **query: str
    ) -> AsyncIterator[tuple[str, Object]]:
        """Follow a collection until the server ends the stream."""
        asked = {**query, "watch": "true", "resourceVersion": resource_version}
        events = await self._server.watch_in_process(path, asked, agent=self._agent)
        async for kind, item in events:
            if kind == "ERROR":
                raise ApiError(item)
            yield kind, item

    async def _call(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        *,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Object:
        return await self._server.call_in_process(
            method, path, query, body=body, content_type=content_type, agent=self._agent
        )


class HttpApi:
    """The API over TLS with a bearer token. Use as an async context manager, or call close()."""

    def __init__(self, server: str, token: str, ca_file: str | Path | None = None) -> None:
        self._server = server.rstrip("/")
        self._token = token
        self._ssl: ssl.SSLContext | bool = (
            ssl.create_default_context(cafile=str(ca_file)) if ca_file else True
        )
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, path: str, **query: str) -> Object:
        """Read an object or a list."""
        return await self._call("GET", path, query)

    async def post(self, path: str, body: Object, **query: str) -> Object:
        """Create an object, or post to a subresource."""
        return await self._call("POST", path, query, body=body)

    async def put(self, path: str, body: Object, **query: str) -> Object:
        """Replace an object."""
        return await self._call("PUT", path, query, body=body)

    async def patch(self, path: str, body: Any, *, kind: str = "merge", **query: str) -> Object:
        """Change an object; kind is merge, strategic, json or apply."""
        return await self._call("PATCH", path, query, body=body, content_type=PATCH_TYPES[kind])

    async def delete(self, path: str, body: Object | None = None, **query: str) -> Object:
        """Delete an object or a collection."""
        return await self._call("DELETE", path, query, body=body)

    async def watch(
        self, path: str, *, resource_version: str, **query: str
    ) -> AsyncIterator[tuple[str, Object]]:
        """Follow a collection until the server ends the stream."""
        import aiohttp

        asked = {**query, "watch": "true", "resourceVersion": resource_version}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
        session = self._open()
        async with session.get(self._server + path, params=asked, ssl=self._ssl, timeout=timeout) as answer:
            if answer.status != 200:
                raise ApiError(await _document(answer), status=answer.status)
            async for line in answer.content:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise ApiError(event["object"])
                yield event["type"], event["object"]

    def _open(self) -> "aiohttp.ClientSession":
        import aiohttp

        if self._session is None:
            # An object may be 1.5 MB, and a watch event is one line.
            self._session = aiohttp.ClientSession(
                headers={"Authorization": f"Bearer {self._token}"}, read_bufsize=2**22, trust_env=False
            )
        return self._session

    async def _call(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        *,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Object:
        import aiohttp

        data = None if body is None else json.dumps(body).encode()
        async with self._open().request(
            method,
            self._server + path,
            params=query,
            data=data,
            headers={"Content-Type": content_type},
            ssl=self._ssl,
            timeout=aiohttp.ClientTimeout(total=60),
        ) as answer:
            document = await _document(answer)
            if answer.status >= 400:
                raise ApiError(document, status=answer.status)
            return document


async def _document(answer: "aiohttp.ClientResponse") -> Object:
    """An answer's JSON object; plain text becomes ``{"message": text}``."""
    text = await answer.text()
    try:
        found = json.loads(text)
    except ValueError:
        found = text
    return found if isinstance(found, dict) else {"message": str(found), "code": answer.status}
