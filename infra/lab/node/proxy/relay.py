"""One proxied connection: two transports, and a lane for the bytes in each direction."""

import asyncio
import logging
import socket
import struct
from collections import deque
from collections.abc import Callable

from infra.lab.node.proxy.routes import Address
from infra.lab.node.proxy.weather import Weather

LOG = logging.getLogger("lab.proxy.relay")

CONNECT_SECONDS = 30.0
LANE_BYTES = 256 << 10
_END = b""


class Lane:
    """Bytes in one direction, in order; straight through in calm weather, late otherwise."""

    def __init__(
        self,
        source: asyncio.Transport,
        sink: asyncio.Transport,
        weather: Weather,
        *,
        delayed: bool,
        ended: Callable[[], None],
    ) -> None:
        self._source = source
        self._sink = sink
        self._weather = weather
        self._delayed = delayed
        self._ended = ended
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        weather.listen(self._pump)

    def feed(self, data: bytes) -> None:
        """Take bytes; none at all means the sender has finished."""
        if not self._waiting and self._weather.fault.is_calm:
            self._deliver(data)
            return
        due = self._loop.time() + (self._weather.delay() if self._delayed else 0.0)
        if self._waiting:
            due = max(due, self._waiting[-1][0])
        self._waiting.append((due, data))
        self._bytes += len(data)
        if self._bytes > LANE_BYTES:
            self._source.pause_reading()
        self._pump()

    def close(self) -> None:
        """Forget what is under way."""
        self._weather.leave(self._pump)
        if self._timer is not None:
            self._timer.cancel()
        self._waiting.clear()

    def _pump(self) -> None:
        """Deliver what is due; come back for the rest."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting and not self._weather.fault.partition:
            due, data = self._waiting[0]
            if due > self._loop.time():
                self._timer = self._loop.call_at(due, self._pump)
                return
            self._waiting.popleft()
            self._bytes -= len(data)
            self._deliver(data)
        if self._bytes <= LANE_BYTES and not self._source.is_closing() and not self._source.is_reading():
            self._source.resume_reading()

    def _deliver(self, data: bytes) -> None:
        if self._sink.is_closing():
            return
        if data is _END:
            self._sink.write_eof()
            self._ended()
        else:
            self._sink.write(data)


class Side(asyncio.Protocol):
    """One of the two connections of a relay."""

    def __init__(self, relay: "Relay") -> None:
        self._relay = relay
        self.transport: asyncio.Transport | None = None
        self.out: Lane | None = None
        self._early: list[bytes] = []

    def join(self, lane: Lane) -> None:
        """Pass bytes on to *lane* from now on, those that came early first."""
        self.out = lane
        early, self._early = self._early, []
        for data in early:
            lane.feed(data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP transports are
        self.transport = transport
        transport.pause_reading()  # until the other side is there
        self._relay.opened(self)

    def data_received(self, data: bytes) -> None:
        """Pass bytes on."""
        if self.out is not None:
            self.out.feed(data)
            return
        self._early.append(data)
        if self.transport is not None:  # Python 3.11.2 forgets a pause asked for in connection_made
            self.transport.resume_reading()
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """The peer will send no more; it may still read."""
        if self.out is not None:
            self.out.feed(_END)
        else:
            self._early.append(_END)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed: so will be the other one."""
        self._relay.lost(self, broken=exc is not None)

    def pause_writing(self) -> None:
        """This side takes no more: read no more from the other."""
        self._relay.other(self).hold()

    def resume_writing(self) -> None:
        """This side takes bytes again."""
        self._relay.other(self).release()

    def hold(self) -> None:
        """Stop reading."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.pause_reading()

    def release(self) -> None:
        """Go on reading."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()


class Relay:
    """Joins a client's connection with one to an endpoint. Lives as long as either connection."""

    def __init__(self, backend: Address | None, weather: Weather) -> None:
        self.client = Side(self)
        self._server = Side(self)
        self._backend = backend
        self._weather = weather
        self._connecting: asyncio.Task[None] | None = None
        self._halves = 0

    def other(self, side: Side) -> Side:
        """The opposite side."""
        return self._server if side is self.client else self.client

    def opened(self, side: Side) -> None:
        """A side is connected: the client's starts the connection to the endpoint."""
        if side is self.client:
            self._connecting = asyncio.get_running_loop().create_task(self._connect())
            return
        client = self.client.transport
        server = self._server.transport
        if client is None or server is None or client.is_closing():
            if server is not None:
                server.abort()
            return
        self.client.join(Lane(client, server, self._weather, delayed=False, ended=self._half_done))
        self._server.join(Lane(server, client, self._weather, delayed=True, ended=self._half_done))
        client.resume_reading()
        server.resume_reading()

    def _half_done(self) -> None:
        """One direction has ended; after both, the connections close."""
        self._halves += 1
        if self._halves == 2:
            for side in (self.client, self._server):
                if side.transport is not None:
                    side.transport.close()

    def lost(self, side: Side, *, broken: bool) -> None:
        """A side is closed."""
        if self._connecting is not None:
            self._connecting.cancel()
        for part in (self.client, self._server):
            if part.out is not None:
                part.out.close()
        transport = self.other(side).transport
        if transport is not None and not transport.is_closing():
            if broken:
                _reset(transport)
            else:
                transport.close()

    async def _connect(self) -> None:
        client = self.client.transport
        assert client is not None  # noqa: S101 - this runs because it opened
        if self._backend is None:
            _reset(client)
            return
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._weather.pass_once()
                host, port = self._backend
                await asyncio.get_running_loop().create_connection(lambda: self._server, host, port)
        except OSError as error:  # a timeout is one too
            LOG.debug("endpoint %s does not take a connection: %r", self._backend, error)
            _reset(client)


def _reset(transport: asyncio.Transport) -> None:
    """Close with RST, as a peer that is not there would."""
    raw = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
