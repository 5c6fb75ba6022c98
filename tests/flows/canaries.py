"""Where a canary may have come out, and how it is found there."""

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx


def needles(secret: str) -> set[bytes]:
    """Return *secret* as it is, in JSON, and in base64 wherever it may begin in a longer text."""
    raw = secret.encode()
    shifted = [base64.b64encode(b"\0" * n + raw)[(4 * n + 2) // 3 : -4] for n in range(3)]
    return {raw, json.dumps(secret)[1:-1].encode(), *shifted}


def found_in(outputs: dict[str, bytes], secrets: dict[str, str]) -> list[tuple[str, str]]:
    """Return which output holds which secret, in any form."""
    return [
        (place, name)
        for place, text in outputs.items()
        for name, secret in secrets.items()
        if any(needle in text for needle in needles(secret))
    ]


def everywhere(lab, api: str, run_id: str, tmp_path: Path) -> dict[str, bytes]:
    """Return what a run has left, place by place, but for its ledger and its terminal."""
    outputs = {"slack": httpx.get(f"{lab['recorder']}/messages.json").content}
    for what in ("flow_runs", "task_runs", "artifacts"):
        found = httpx.post(f"{api}/{what}/filter", json={"limit": 200}).raise_for_status()
        outputs[f"prefect's {what}"] = found.content
    name = {"flow_runs": {"name": {"like_": run_id}}}
    (flow_run,) = httpx.post(f"{api}/flow_runs/filter", json=name).raise_for_status().json()
    logs = {"logs": {"flow_run_id": {"any_": [flow_run["id"]]}}, "limit": 200}
    outputs["prefect's logs"] = httpx.post(f"{api}/logs/filter", json=logs).raise_for_status().content
    events = {"filter": {"related": {"id": [f"prefect.flow-run.{flow_run['id']}"]}}, "limit": 50}
    outputs["prefect's events"] = httpx.post(f"{api}/events/filter", json=events).raise_for_status().content
    for form in ("markdown", "json"):
        file = tmp_path / f"report.{form}"
        command = ["report", run_id, "--format", form, "--output", str(file)]
        if form == "markdown":
            command += ["--chart", str(tmp_path / "chart.svg")]
        environment = {**os.environ, "WINDTUNNEL_HOME": str(lab.home)}
        subprocess.run([sys.executable, "-m", "windtunnel.cli", *command], env=environment, check=True)
        outputs[f"report as {form}"] = file.read_bytes()
    outputs["chart"] = (tmp_path / "chart.svg").read_bytes()
    return outputs


@contextmanager
def echoing() -> Iterator[tuple[str, list[str]]]:
    """Serve on loopback: answer with the headers that were asked with, and say that it failed."""
    asked: list[str] = []

    class Echo(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(str(self.headers))
            body = f"echoed {self.headers}".encode()
            self.send_response(503, str(self.headers["Authorization"]))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", asked
    server.shutdown()
    server.server_close()
