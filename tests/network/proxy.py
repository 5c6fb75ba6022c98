"""A proxy before one HTTP server that passes calls on, but for those that a toxic hits."""

import base64
import ssl
import threading
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit

from tests.network.relay import relay, reset
from tests.network.toxic import ANSWERS, DELAY_S, HANG_S, LATE, Poisoned

_NOT_PASSED_ON = {"host", "connection", "transfer-encoding", "content-length", "keep-alive"}


class HttpProxy(Poisoned):
    """Stands before one HTTP server."""

    def __init__(self, upstream: str, *, authority: str = "") -> None:
        super().__init__()
        self.upstream = urlsplit(upstream)
        self._trust = ssl.create_default_context(cadata=authority) if authority else None
        handler = type("Handler", (Passing,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @classmethod
    def before_cluster(cls, cluster: Mapping[str, str]) -> "HttpProxy":
        """Stand before the API server that a kubeconfig's cluster entry names."""
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        return cls(cluster["server"], authority=authority)

    @property
    def url(self) -> str:
        """Its own address."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def connect(self) -> HTTPConnection:
        """Return a new connection to the server behind."""
        host, port = self.upstream.hostname or "", self.upstream.port
        if self._trust:
            return HTTPSConnection(host, port, context=self._trust, timeout=30)
        return HTTPConnection(host, port, timeout=30)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Passing(BaseHTTPRequestHandler):
    """Passes one call on."""

    proxy: HttpProxy

    def pass_on(self) -> None:
        """Let the toxic have its way, or the call."""
        kind = self.proxy.next(f"{self.command} {self.path}")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if kind in ANSWERS:
            self._refuse(ANSWERS[kind])
        elif kind == "hang":
            self.proxy.over.wait(HANG_S)
        elif kind != "drop":
            if kind == "delay":
                time.sleep(DELAY_S)
            self._forward(kind, body)

    def _forward(self, kind: str, body: bytes) -> None:
        upgrade = self.headers.get("Upgrade")
        dropped = _NOT_PASSED_ON - {"connection"} if upgrade else _NOT_PASSED_ON
        kept = {k: v for k, v in self.headers.items() if k.lower() not in dropped}
        way = self.proxy.connect()
        try:
            way.request(self.command, self.path, body or None, kept)
            if upgrade and way.sock:
                relay(self.connection, way.sock)
            else:
                self._answer(kind, way.getresponse())
        except (OSError, HTTPException):
            return  # either side has gone; the other will see that the connection closes
        finally:
            way.close()

    def _answer(self, kind: str, answer: HTTPResponse) -> None:
        if kind in {"", "delay"}:
            self._head(answer, length=answer.getheader("Content-Length"))
            while piece := answer.read1(65536):
                self.wfile.write(piece)
                self.wfile.flush()
            return
        told = answer.read()
        if kind == "reset":
            reset(self.connection)
        elif kind == LATE:
            self._refuse(500)
        elif kind.startswith("half"):
            half = told[: len(told) // 2]
            self._head(answer, length=str(len(told) if kind == "half an answer" else len(half)))
            self.wfile.write(half)

    def _head(self, answer: HTTPResponse, *, length: str | None) -> None:
        self.send_response_only(answer.status)  # the headers are the server's own: a second Date is no HTTP
        for name, value in answer.getheaders():
            if name.lower() not in _NOT_PASSED_ON:
                self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", length)
        self.end_headers()

    def _refuse(self, status: int) -> None:
        told = b'{"kind":"Status","apiVersion":"v1","status":"Failure","message":"the network is bad"}'
        self.send_response(status)
        self.send_header("Retry-After", "1")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = pass_on  # noqa: N815 - the base class asks for these names

    def log_message(self, *_: object) -> None:
        """Say nothing."""
