"""The HTTPS front: requests from sockets to the core, answers and streams back."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import orjson
import uvicorn
from starlette.requests import Request as WebRequest
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from infra.lab.apiserver.request import ADMIN, ANONYMOUS, Answer, Request, Stream, User
from infra.lab.objects import statuses
from infra.lab.objects.statuses import StatusError

if TYPE_CHECKING:
    from infra.lab.apiserver.server import ApiServer

_LOG = logging.getLogger(__name__)
_PLAIN = "text/plain; charset=utf-8"


def application(server: "ApiServer") -> ASGIApp:
    """The server as an ASGI application."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        web = WebRequest(scope, receive)
        response = await _respond(server, web)
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
        request.user = _authenticate(server, request)
        answer = await server.handle(request)
    except StatusError as error:
        return _json(error.code, error.body, {**error.headers, **_warnings(request)})
    except Exception as error:
        _LOG.exception("%s %s failed", request.method, request.path)
        return _json(500, statuses.internal(f"{type(error).__name__}: {error}"), {})
    if isinstance(answer, Stream):
        return _streaming(answer)
    return _finished(answer, request)


def _authenticate(server: "ApiServer", request: Request) -> User:
    header = request.headers.get("authorization", "")
    if not header:
        return ANONYMOUS
    if header == f"Bearer {server.settings.admin_token}":
        return ADMIN
    raise StatusError(statuses.unauthorized())


def _finished(answer: Answer, request: Request) -> Response:
    headers = {**answer.headers, **_warnings(request)}
    if isinstance(answer.body, dict):
        return _json(answer.status, answer.body, headers)
    return Response(answer.body, answer.status, headers=headers, media_type=headers.pop("Content-Type", _PLAIN))


def _json(code: int, body: Any, headers: dict[str, str]) -> Response:
    return Response(orjson.dumps(body), code, headers=headers, media_type="application/json")


def _warnings(request: Request) -> dict[str, str]:
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in request.warnings)
    joined = ", ".join(f'299 - "{text}"' for text in quoted)
    return {"Warning": joined} if joined else {}


def _streaming(answer: Stream) -> Response:
    if answer.events is not None:
        return StreamingResponse(_lines(answer.events), media_type="application/json", headers=answer.headers)
    return StreamingResponse(answer.chunks or _nothing(), media_type="text/plain", headers=answer.headers)


async def _lines(events: AsyncIterator[tuple[str, Any]]) -> AsyncIterator[bytes]:
    async for kind, item in events:
        yield orjson.dumps({"type": kind, "object": item}) + b"\n"


async def _nothing() -> AsyncIterator[bytes]:
    for chunk in ():
        yield chunk


class QuietServer(uvicorn.Server):
    """A uvicorn server that leaves signals to the process it lives in, and ends open watches at once."""

    def install_signal_handlers(self) -> None:
        """Leave signals alone."""


async def serve(server: "ApiServer", *, started: asyncio.Event | None = None) -> None:
    """Answer HTTPS requests until cancelled."""
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
    front = QuietServer(config)
    task = asyncio.create_task(front.serve())
    try:
        while not front.started and not task.done():
            await asyncio.sleep(0.01)
        if started is not None:
            started.set()
        await task
    finally:
        front.should_exit = True
        if not task.done():
            await task
