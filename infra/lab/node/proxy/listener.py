"""One ClusterIP and port: listens while there are endpoints, refuses while there are none."""

import asyncio
import logging
import socket

from infra.lab.node.proxy.relay import Relay, Side
from infra.lab.node.proxy.routes import Address, Route
from infra.lab.node.proxy.weather import Weather

LOG = logging.getLogger("lab.proxy")

BACKLOG = 1024


class Listener:
    """Hands each new connection to the next endpoint in turn."""

    def __init__(self, address: Address, weather: Weather) -> None:
        self._address = address
        self._weather = weather
        self._backends: tuple[Address, ...] = ()
        self._turn = 0
        self._server: asyncio.Server | None = None
        self._complained = False

    def route(self, route: Route) -> None:
        """Take another set of endpoints: for new connections from this moment on, open ones stay."""
        self._backends = route.backends

    async def settle(self) -> bool:
        """Listen or stop listening, as the endpoints ask for; a closed port refuses at once.

        Returns:
            Whether that is done; False when the address cannot be had, for now at least.
        """
        if self._backends and self._server is None:
            self._server = await self._listen()
            return self._server is not None
        if not self._backends and self._server is not None:
            self.close()
        return True

    def close(self) -> None:
        """Stop listening; open connections stay."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _listen(self) -> asyncio.Server | None:
        host, port = self._address
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(self._address)
        except OSError as error:
            sock.close()
            if not self._complained:
                LOG.warning("the Service address %s:%d cannot be served here: %s", host, port, error.strerror)
            self._complained = True
            return None
        return await asyncio.get_running_loop().create_server(self._accept, sock=sock, backlog=BACKLOG)

    def _accept(self) -> Side:
        backend = None
        if self._backends:
            backend = self._backends[self._turn % len(self._backends)]
            self._turn += 1
        return Relay(backend, self._weather).client
