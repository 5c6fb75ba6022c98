"""A relay between windtunnel and an API server, whose connections a test can cut."""

import socket
import threading
from contextlib import suppress
from typing import Self

_PIECE = 64 * 1024


class Relay:
    """Passes bytes on to one address; `cut` ends every connection, and new ones too until `mend`."""

    def __init__(self, host: str, port: int) -> None:
        self._upstream = (host, port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._down = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self.connections = 0

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        return int(self._listening.getsockname()[1])

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._down.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut()
        for thread in self._threads:
            thread.join(timeout=10)

    def cut(self) -> None:
        """End every connection, as a restarted load balancer does, and refuse new ones."""
        self._down.set()
        with self._lock:
            for end in self._open:
                with suppress(OSError):  # the other side has closed it already
                    end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Let new connections through."""
        self._down.clear()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return  # closed
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            if self._down.is_set():
                return
            with socket.create_connection(self._upstream, timeout=10) as server:
                server.settimeout(None)
                with self._lock:
                    self._open |= {client, server}
                    self.connections += 1
                answers = threading.Thread(target=self._pass_on, args=(server, client), daemon=True)
                answers.start()
                self._pass_on(client, server)
                answers.join()
                with self._lock:
                    self._open -= {client, server}

    @staticmethod
    def _pass_on(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):  # either side may go at any time: that is what it is for
            while piece := source.recv(_PIECE):
                sink.sendall(piece)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
