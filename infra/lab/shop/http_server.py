"""A small HTTP/1.1 server on asyncio streams: a few milliseconds to start and no dependency to load."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

LOG = logging.getLogger("shop.http")

MAX_HEAD_BYTES = 16 * 1024
MAX_BODY_BYTES = 64 * 1024
IDLE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Request:
    """One request as read from the wire; *path* has no query, header names are in lower case."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """One answer."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"

    def wire(self, *, keep_alive: bool) -> bytes:
        """Return the bytes to send."""
        try:
            phrase = HTTPStatus(self.status).phrase
        except ValueError:
            phrase = "Unknown"
        connection = "keep-alive" if keep_alive else "close"
        head = (
            f"HTTP/1.1 {self.status} {phrase}\r\nContent-Type: {self.content_type}\r\n"
            f"Content-Length: {len(self.body)}\r\nConnection: {connection}\r\n\r\n"
        )
        return head.encode() + self.body


Handler = Callable[[Request], Awaitable[Response]]


class BadRequestError(Exception):
    """The bytes on the connection are no HTTP request this server takes."""


async def read_head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]] | None:
    """Read a start line and headers; None where the peer closed instead.

    Raises:
        BadRequestError: the head is too long or malformed.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError as error:
        msg = f"head longer than {MAX_HEAD_BYTES} bytes"
        raise BadRequestError(msg) from error
    start, *lines = head[:-4].decode("latin-1").split("\r\n")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            msg = f"header without a colon: {line[:60]!r}"
            raise BadRequestError(msg)
        headers[name.strip().lower()] = value.strip()
    return start, headers


async def _read_request(reader: asyncio.StreamReader) -> Request | None:
    head = await read_head(reader)
    if head is None:
        return None
    start, headers = head
    parts = start.split(" ")
    length = headers.get("content-length", "0")
    if len(parts) != 3 or not length.isdigit() or int(length) > MAX_BODY_BYTES:
        msg = f"cannot take {start[:60]!r} with a body of {length[:20]} bytes"
        raise BadRequestError(msg)
    body = await reader.readexactly(int(length)) if int(length) else b""
    target = urlsplit(parts[1])
    return Request(parts[0], target.path or "/", target.query, headers, body)


class HttpServer:
    """Serves one handler; stops by letting every request that began come to its end."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._idle: set[asyncio.StreamWriter] = set()
        self._busy: set[asyncio.StreamWriter] = set()
        self._draining = False
        self._quiet = asyncio.Event()
        self._quiet.set()

    async def start(self, host: str, port: int) -> int:
        """Listen, and return the port (chosen by the system where *port* is 0)."""
        self._server = await asyncio.start_server(
            self._converse, host, port, limit=MAX_HEAD_BYTES, backlog=256
        )
        return int(self._server.sockets[0].getsockname()[1])

    def drain(self) -> None:
        """Ask clients to come back on another connection: every answer from now on closes its own."""
        self._draining = True

    async def stop(self, within_s: float) -> None:
        """Stop listening, close idle connections and wait for the busy ones, at most *within_s* seconds."""
        self.drain()
        if self._server is not None:
            self._server.close()
        for writer in tuple(self._idle):
            writer.close()
        try:
            await asyncio.wait_for(self._quiet.wait(), within_s)
        except TimeoutError:
            LOG.warning("cut %d requests that took longer than %gs", len(self._busy), within_s)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._exchange(reader, writer):
                pass
        except BadRequestError as error:
            writer.write(Response(400, f"{error}\n".encode()).wire(keep_alive=False))
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError) as error:
            LOG.debug("connection over: %r", error)
        finally:
            self._idle.discard(writer)
            self._rest(writer)
            writer.close()
            with suppress(ConnectionError):  # the peer may be gone already, which is what we want here
                await writer.wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; say whether the connection stays open for another."""
        self._idle.add(writer)
        async with asyncio.timeout(IDLE_SECONDS):
            request = await _read_request(reader)
        self._idle.discard(writer)
        if request is None:
            return False
        self._busy.add(writer)
        self._quiet.clear()
        response = await self._handler(request)
        wanted = request.headers.get("connection", "").lower() != "close"
        keep_alive = wanted and not self._draining
        wire = response.wire(keep_alive=keep_alive)
        if request.method == "HEAD":
            wire = wire[: len(wire) - len(response.body)]
        writer.write(wire)
        await writer.drain()
        self._rest(writer)
        return keep_alive

    def _rest(self, writer: asyncio.StreamWriter) -> None:
        self._busy.discard(writer)
        if not self._busy:
            self._quiet.set()
