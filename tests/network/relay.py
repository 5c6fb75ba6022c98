"""A relay of bytes between two sockets, for what is not HTTP: PostgreSQL's protocol, and web sockets."""

import select
import socket
import struct
import threading
import time
from typing import Self

from tests.network.toxic import DELAY_S, HANG_S, Poisoned

_PIECE = 65536


class StreamProxy(Poisoned):
    """Stands before a server of PostgreSQL's protocol. What a client sends at once counts as one call."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def port(self) -> int:
        """Its own port."""
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while not self.over.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._port)) as server:
            relay(client, server, self)

    def strike(self, sent: bytes, client: socket.socket, server: socket.socket) -> bool:
        """Let the toxic have its way with a call; say whether the connection goes on with that call."""
        kind = self.next(f"{len(sent)} bytes")
        if kind == "delay":
            time.sleep(DELAY_S)
        if kind in {"", "delay"}:
            return True
        if kind == "hang":
            self.over.wait(HANG_S)
        elif kind != "drop":
            server.sendall(sent)
            answer = server.recv(_PIECE)
            if kind == "half an answer":
                client.sendall(answer[: len(answer) // 2])
            elif kind == "reset":
                reset(client)
        return False


def relay(client: socket.socket, server: socket.socket, before: StreamProxy | None = None) -> None:
    """Pass bytes both ways until either side closes, or *before* lets a toxic end it."""
    try:
        while True:
            ready, _, _ = select.select([client, server], [], [])
            for here, there in ((client, server), (server, client)):
                if here not in ready:
                    continue
                piece = here.recv(_PIECE)
                if not piece:
                    return
                if here is client and before and not before.strike(piece, client, server):
                    return
                there.sendall(piece)
    except (OSError, ValueError):
        return  # one side has gone, or was reset


def reset(connection: socket.socket) -> None:
    """Let the close of *connection* send a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
