"""The part of the agnhost test image that pods of a lab use: ``pause`` and ``netexec --http-port N``."""

import argparse
import os
import signal
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class Netexec(BaseHTTPRequestHandler):
    """Answers /, /hostname, /healthz, /clientip, /echo?msg=, /header?key= and /exit?code=."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer one request."""
        address = urlsplit(self.path)
        asked = {key: values[0] for key, values in parse_qs(address.query).items()}
        if address.path == "/exit":
            os._exit(int(asked.get("code", "0")))
        known = {
            "/": "NOW: netexec",
            "/hostname": os.environ.get("HOSTNAME", ""),
            "/hostName": os.environ.get("HOSTNAME", ""),
            "/healthz": "ok",
            "/clientip": f"{self.client_address[0]}:{self.client_address[1]}",
            "/echo": asked.get("msg", ""),
            "/header": self.headers.get(asked.get("key", ""), ""),
        }
        body = known.get(address.path, "").encode()
        self.send_response(200 if address.path in known else 404)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's word
        """Log no requests: probes alone would fill the log."""


def pause() -> None:
    """Wait for a signal; end with the code a shell would report for it."""
    number = signal.sigwait({signal.SIGTERM, signal.SIGINT})
    sys.exit(128 + number)


def netexec(arguments: list[str]) -> None:
    """Serve HTTP on the pod's address until a signal comes."""
    parser = argparse.ArgumentParser(prog="agnhost netexec")
    parser.add_argument("--http-port", type=int, default=8080)
    parser.add_argument("--udp-port", type=int, default=-1, help="accepted, not served")
    chosen = parser.parse_args(arguments)
    with _Server((os.environ["POD_IP"], chosen.http_port), Netexec) as server:
        print(f"Started HTTP server on port {chosen.http_port}", flush=True)  # noqa: T201 - a container's log
        threading.Thread(target=server.serve_forever, daemon=True).start()
        pause()


def main() -> None:
    """Run the subcommand named by the first argument."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    name, arguments = (sys.argv[1], sys.argv[2:]) if len(sys.argv) > 1 else ("pause", [])
    if name == "pause":
        print("Paused", flush=True)  # noqa: T201 - a container's log
        pause()
    elif name == "netexec":
        netexec(arguments)
    else:
        sys.exit(f"agnhost: the lab has only pause and netexec, not {name!r}")


if __name__ == "__main__":
    main()
