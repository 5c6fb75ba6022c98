"""The HTTPS front: requests from sockets to the core, answers and streams back."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import orjson
import uvicorn
import yaml
from starlette.requests import Request as WebRequest
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from infra.lab.apiserver import access, presenting
from infra.lab.apiserver.request import ANONYMOUS, Answer, Request, Stream
from infra.lab.objects import statuses
from infra.lab.objects.statuses import StatusError

if TYPE_CHECKING:
    from infra.lab.apiserver.server import ApiServer

_LOG = logging.getLogger(__name__)
_PLAIN = "text/plain; charset=utf-8"
_JSON = "application/json"
_LARGEST_BODY = 3 * 2**20


def application(server: "ApiServer") -> ASGIApp:
    """The server as an ASGI application."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            response = await _respond(server, WebRequest(scope, receive))
            await response(scope, receive, send)

    return app


async def _respond(server: "ApiServer", web: WebRequest) -> Response:
    request = Request(
        web.method,
        web.url.path,
        dict(web.query_params),
        {key.decode("latin-1"): value.decode("latin-1") for key, value in web.scope["headers"]},
        ANONYMOUS,
        raw=await web.body(),
    )
    try:
        _require_size(request)
        request.user = access.authenticate(server, request)
        answer = await server.handle(request)
        return _streamed(answer, request) if isinstance(answer, Stream) else _finished(answer, request)
    except StatusError as error:
        return _json(error.code, error.body, {**error.headers, **_warnings(request)})
    except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer and the log the rest
        _LOG.exception("%s %s failed", request.method, request.path)
        return _json(500, statuses.internal(f"{type(error).__name__}: {error}"), {})


def _require_size(request: Request) -> None:
    if len(request.raw) > _LARGEST_BODY:
        message = f"Request entity too large: limit is {_LARGEST_BODY}"
        raise StatusError(statuses.status(413, "RequestEntityTooLarge", message))


def _finished(answer: Answer, request: Request) -> Response:
    headers = {**answer.headers, **_warnings(request)}
    media_type = headers.pop("Content-Type", "")
    if not isinstance(answer.body, dict):
        return _Bare(answer.body, answer.status, headers=headers, media_type=media_type or _PLAIN)
    form = request.form
    body = presenting.presented(answer.body, answer.resource, form, request.query.get("includeObject", ""))
    if form.yaml:
        text = yaml.safe_dump(body, sort_keys=False)
        return Response(text, answer.status, headers=headers, media_type="application/yaml")
    return _json(answer.status, body, headers, media_type=media_type or _JSON)


def _json(code: int, body: Any, headers: dict[str, str], *, media_type: str = _JSON) -> Response:
    return _Bare(orjson.dumps(body), code, headers=headers, media_type=media_type)


class _Bare(Response):
    """A response whose Content-Type is exactly what was said, without an added charset."""

    def init_headers(self, headers: Any = None) -> None:
        """Headers as given, and the length."""
        super().init_headers({**(headers or {}), "content-type": self.media_type or _JSON})


def _warnings(request: Request) -> dict[str, str]:
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in request.warnings)
    joined = ", ".join(f'299 - "{text}"' for text in dict.fromkeys(quoted))
    return {"Warning": joined} if joined else {}


def _streamed(answer: Stream, request: Request) -> Response:
    headers = {**answer.headers, **_warnings(request)}
    if answer.chunks is not None:
        return StreamingResponse(answer.chunks, headers={**headers, "content-type": "text/plain"})
    return StreamingResponse(_lines(answer, request), headers={**headers, "content-type": _JSON})


async def _lines(answer: Stream, request: Request) -> AsyncIterator[bytes]:
    """Watch events, one JSON document on each line; only the first table names its columns."""
    form, include = request.form, request.query.get("includeObject", "")
    columns_sent = False
    if answer.events is None:
        return
    async for kind, item in answer.events:
        shown = item
        if kind != "ERROR":
            shown = presenting.presented_event(kind, item, answer.resource, form, include)
            if form.kind == "Table" and columns_sent:
                shown = {**shown, "columnDefinitions": None}
            columns_sent = True
        yield orjson.dumps({"type": kind, "object": shown}) + b"\n"


class _QuietServer(uvicorn.Server):
    """A uvicorn server that leaves signals to the process it lives in."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


def _abort(connection: Any) -> None:
    """Drop a connection whose client does not answer the end of TLS."""
    if connection.transport is not None:
        connection.transport.abort()


async def serve(server: "ApiServer", *, started: asyncio.Event | None = None) -> None:
    """Answer HTTPS requests until cancelled.

    Raises:
        OSError: the address cannot be bound.
    """
    settings = server.settings
    config = uvicorn.Config(
        application(server),
        host=settings.host,
        port=settings.port,
        ssl_certfile=settings.cert_file,
        ssl_keyfile=settings.key_file,
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
        server_header=False,
    )
    front = _QuietServer(config)
    task = asyncio.create_task(front.serve())
    try:
        while not front.started and not task.done():  # noqa: ASYNC110 - uvicorn has a flag, no event
            await asyncio.sleep(0.01)
        if task.done():
            message = f"cannot listen on {settings.host}:{settings.port}; is another lab running there?"
            raise OSError(message)
        if started is not None:
            started.set()
        await asyncio.shield(task)
    finally:
        front.should_exit = True
        if not task.done():
            await asyncio.wait([task], timeout=3)
        for connection in list(front.server_state.connections):
            _abort(connection)
