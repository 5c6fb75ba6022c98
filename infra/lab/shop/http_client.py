"""How one service calls another: a small connection pool, a time limit, and retries where they are wanted."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from infra.lab.shop.http_server import MAX_HEAD_BYTES, BadRequestError, read_head

REQUESTS_PER_CONNECTION = 8
"""A connection is retired after so many requests, so that traffic spreads over the pods behind a Service."""

MAX_IDLE = 16
RETRIED = frozenset({502, 503, 504})


class UpstreamError(Exception):
    """Another service did not answer as it should; the text names it and says what happened."""


class _StaleError(ConnectionError):
    """The peer closed the connection before it answered."""


@dataclass(slots=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    left: int = REQUESTS_PER_CONNECTION


@dataclass(slots=True)
class Upstream:
    """One service as seen by its caller.

    Args:
        name: what to call it in errors.
        url: its base address.
        timeout_s: limit of one attempt, in seconds.
        retries: further attempts, each on a new connection, after a failure or a 502, 503 or 504.
    """

    name: str
    url: str
    timeout_s: float = 1.0
    retries: int = 0
    _idle: list[_Connection] = field(default_factory=list)

    async def get(self, path: str) -> bytes:
        """Return the body of a 2xx answer.

        Raises:
            UpstreamError: no attempt brought one.
        """
        problem = ""
        for attempt in range(self.retries + 1):
            try:
                status, body = await self.exchange(path, fresh=attempt > 0)
            except (OSError, TimeoutError, BadRequestError, asyncio.IncompleteReadError) as error:
                problem = str(error) or type(error).__name__
                continue
            if status < 400:
                return body
            problem = f"answered {status}"
            if status not in RETRIED:
                break
        msg = f"{self.name} {problem} ({self.url}{path})"
        raise UpstreamError(msg)

    async def exchange(self, path: str, *, fresh: bool = False) -> tuple[int, bytes]:
        """Do one GET, on a new connection where *fresh*, and return status and body.

        Raises:
            OSError: no connection, or it broke; TimeoutError (also an OSError) past the limit.
            BadRequestError: the answer is not HTTP.
            asyncio.IncompleteReadError: the answer ended early.
        """
        async with asyncio.timeout(self.timeout_s):
            connection = None if fresh else self._take()
            if connection is None:
                connection = await self._connect()
            try:
                status, body, keep = await self._converse(connection, path)
            except BaseException:
                connection.writer.close()  # also on cancellation: half an answer must not stay in the pool
                raise
        self._give_back(connection, keep=keep)
        return status, body

    async def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            writer = self._idle.pop().writer
            writer.close()
            with suppress(ConnectionError):  # closed by the peer first
                await writer.wait_closed()

    def _take(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.reader.at_eof():
                return connection
            connection.writer.close()
        return None

    async def _connect(self) -> _Connection:
        parts = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80, limit=MAX_HEAD_BYTES)
        return _Connection(reader, writer)

    def _give_back(self, connection: _Connection, *, keep: bool) -> None:
        connection.left -= 1
        if keep and connection.left > 0 and len(self._idle) < MAX_IDLE:
            self._idle.append(connection)
        else:
            connection.writer.close()

    async def _converse(self, connection: _Connection, path: str) -> tuple[int, bytes, bool]:
        host = urlsplit(self.url).netloc
        connection.writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        await connection.writer.drain()
        head = await read_head(connection.reader)
        if head is None:
            msg = "closed the connection without an answer"
            raise _StaleError(msg)
        start, headers = head
        code = start.split(" ")[1] if start.count(" ") >= 1 else ""
        length = headers.get("content-length", "")
        if not (code.isdigit() and length.isdigit()):
            msg = f"answered something that is not HTTP with a length: {start[:60]!r}"
            raise BadRequestError(msg)
        body = await connection.reader.readexactly(int(length))
        return int(code), body, headers.get("connection", "").lower() != "close"
