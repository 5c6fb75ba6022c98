"""What a run costs beyond what it asks for, and how fast it stops: against the lab and a standing server."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure
from infra.lab.down import down
from infra.lab.up import up
from windtunnel.cli.prefect_server import start_server, stop_server

PLAIN = """
experiment: overhead
hypothesis: A run costs little beyond what it asks for.
owner: bench
target: {{cluster: lab, namespace: shop, workload: deployment/payments}}
steady_state:
  - {{name: front page, http: "http://frontend.shop.svc:8080/", expect: {{status: 200}}, interval: 200ms}}
faults: [deployment-scale: {{by: 1}}]
duration: 3s
recover_within: 20s
"""
ABORTING = """
experiment: stop-latency
hypothesis: A run stops at once.
owner: bench
target: {{cluster: lab, namespace: shop, workload: deployment/payments}}
steady_state:
  - {{name: ratio, prometheus: bench_ratio, expect: ">= 0.99", interval: {interval}s}}
faults: [deployment-scale: {{by: 1}}]
duration: 30s
recover_within: 2s
abort_when: [ratio < 0.5]
"""
OVERHEAD_RUNS = 5
STOP_RUNS = 20
INTERVAL_S = 0.5
FLIP_AFTER_S = 1.0  # after the injection


def lab_figures(home: Path) -> list[Figure]:
    """Measure in a lab and a Prefect server of their own."""
    up(home)
    os.environ["PREFECT_API_URL"] = start_server().api
    try:
        from benchmarks.halting import halting

        return [*overhead_figures(home), stop_latency(home), halting()]
    finally:
        del os.environ["PREFECT_API_URL"]
        stop_server()
        down(home)


def overhead_figures(home: Path) -> list[Figure]:
    """Measure wall time minus the waits asked for, and the peak memory of the process that runs it."""
    file = home / "overhead.yaml"
    file.write_text(PLAIN.format(), encoding="utf-8")
    overheads, peaks = [], []
    for _ in range(OVERHEAD_RUNS):
        began = time.perf_counter()
        peaks.append(_run_and_peak_mb(file))
        wall = time.perf_counter() - began
        overheads.append(wall - _asked_s(_events("last")))
    return [
        Figure(
            "orchestration overhead of a run",
            "s",
            tuple(overheads),
            goal=3.0,
            note="whole process of `windtunnel run`, minus baseline, duration and recovery as recorded",
        ),
        Figure("peak memory of `windtunnel run`", "MB", tuple(peaks), goal=250.0, judged="max"),
    ]


def stop_latency(home: Path) -> Figure:
    """Measure from the moment a Prometheus answer turns bad until the record says that all is undone."""
    with _prometheus() as source:
        file, policy = home / "stop.yaml", home / "windtunnel.yaml"
        file.write_text(ABORTING.format(interval=INTERVAL_S), encoding="utf-8")
        policy.write_text(f"prometheus: {{url: {source.url}}}\n", encoding="utf-8")
        samples = [_stop_once(file, policy, source) for _ in range(STOP_RUNS)]
    return Figure(
        "stop latency: condition true -> fault undone",
        "s",
        tuple(samples),
        goal=INTERVAL_S + 1.0,
        judged="p99",
        note=f"probe interval {INTERVAL_S:g} s; of {STOP_RUNS} runs the 99th percentile is the slowest",
    )


@dataclass(slots=True)
class Source:
    """A Prometheus API on loopback whose one number can be turned bad."""

    url: str
    value: float = 1.0


def _stop_once(file: Path, policy: Path, source: Source) -> float:
    source.value = 1.0
    command = [*_windtunnel(), "run", str(file), "--policy", str(policy)]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    while not _injected(run):
        if run.poll() is not None:
            msg = (
                f"the run ended before it injected; see: WINDTUNNEL_HOME={file.parent} windtunnel report last"
            )
            raise SystemExit(msg)
    time.sleep(FLIP_AFTER_S)
    flipped = time.time()  # noqa: TID251 - compared with the wall time of the record
    source.value = 0.0
    run.communicate(timeout=60)
    undone = next(event for event in _events("last") if event["kind"] == "undo.finished")
    return datetime.fromisoformat(undone["at"]).timestamp() - flipped


def _asked_s(events: list[dict[str, Any]]) -> float:
    at = {event["kind"]: datetime.fromisoformat(event["at"]) for event in reversed(events)}
    waits = (
        ("lease.acquired", "baseline.met"),
        ("fault.injecting", "undo.started"),
        ("undo.finished", "run.recovered"),
    )
    return sum((at[end] - at[start]).total_seconds() for start, end in waits)


def _run_and_peak_mb(file: Path) -> float:
    command = [*_windtunnel(), "run", str(file)]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(run.pid, 0)
    run.returncode = os.waitstatus_to_exitcode(status)
    if run.returncode != 0:
        msg = f"{' '.join(command)} ended with {run.returncode}; run it by hand to see why"
        raise SystemExit(msg)
    return usage.ru_maxrss / 1024


def _events(run: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [*_windtunnel(), "report", run, "--format", "json"], check=True, capture_output=True, text=True
    )
    return list(json.loads(done.stdout)["record"]["events"])


def _injected(run: "subprocess.Popen[str]") -> bool:
    """Read the run's next line; say whether it tells of the injection."""
    assert run.stdout is not None
    return "fault.injected" in run.stdout.readline()


def _windtunnel() -> list[str]:
    return [sys.executable, "-m", "windtunnel.cli"]


@contextmanager
def _prometheus() -> Iterator[Source]:
    source = Source(url="")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            result = [{"metric": {}, "value": [time.monotonic(), str(source.value)]}]
            body = {"status": "success", "data": {"resultType": "vector", "result": result}}
            payload = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_POST = do_GET  # noqa: N815 - the name http.server looks for

        def log_message(self, *_arguments: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    source.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield source
    finally:
        server.shutdown()
