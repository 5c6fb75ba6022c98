"""A proxy before an API server that writes down what it was asked, for tests of who may ask for what."""

import base64
import json
import ssl
import threading
from http.client import HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import yaml

_NOT_PASSED_ON = {"host", "connection", "transfer-encoding", "content-length"}


class RecordingProxy:
    """Passes whole requests on, with whatever credentials they carry, and keeps each method with its path."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        cluster = config["clusters"][0]["cluster"]
        self.asked: list[tuple[str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler(cluster))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        cluster_here = {"server": f"http://127.0.0.1:{self._server.server_port}"}
        config["clusters"][0]["cluster"] = cluster_here
        self.kubeconfig = json.dumps(config)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self, cluster: dict[str, str]) -> type[BaseHTTPRequestHandler]:
        asked = self.asked
        upstream = urlsplit(cluster["server"])
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        trust = ssl.create_default_context(cadata=authority)

        class Handler(BaseHTTPRequestHandler):
            def pass_on(self) -> None:
                asked.append((self.command, self.path))
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                kept = {k: v for k, v in self.headers.items() if k.lower() not in _NOT_PASSED_ON}
                way = HTTPSConnection(upstream.hostname or "", upstream.port, context=trust, timeout=30)
                try:
                    way.request(self.command, self.path, body or None, kept)
                    answer = way.getresponse()
                    told = answer.read()
                finally:
                    way.close()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in _NOT_PASSED_ON:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = pass_on  # noqa: N815 - the base class asks for these names

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
