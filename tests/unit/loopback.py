"""A real HTTP server on loopback that answers what a test tells it."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import requests


@dataclass
class Told:
    """One answer. *cut* sends that many bytes of the body and breaks off."""

    status: int = 200
    body: object = ""
    content_type: str = "application/json"
    delay_s: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None

    def payload(self) -> bytes:
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return text.encode()


Answer = Callable[[str, dict[str, list[str]], dict[str, str]], Told]


@contextmanager
def answering(answer: Answer | Told) -> Iterator[str]:
    """Serve on loopback until the block ends; give the base URL. *answer* gets path, query and headers."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            form = parse_qs(self.rfile.read(length).decode()) if length else {}
            query = {**parse_qs(parts.query), **form}
            told = answer if isinstance(answer, Told) else answer(parts.path, query, dict(self.headers))
            time.sleep(told.delay_s)
            payload = told.payload()
            if "Date" in told.headers:  # the other way of beginning adds one of its own
                self.send_response_only(told.status)
            else:
                self.send_response(told.status)
            for name, value in {"Content-Type": told.content_type, **told.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload if told.cut is None else payload[: told.cut])

        do_POST = do_GET  # noqa: N815 - the name http.server looks for

        def log_message(self, *_arguments: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def wait_for(url: str) -> None:
    """Wait until a server that was just started answers at *url*; fail after ten seconds."""
    until = time.monotonic() + 10
    while True:
        try:
            requests.get(url, timeout=5).raise_for_status()
        except requests.RequestException:  # not up yet
            assert time.monotonic() < until, f"{url} did not come up"
            time.sleep(0.05)
        else:
            return
