"""An outage never looks like a good number to an abort condition."""

import socket
import sys
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from guardrails.abort import breaches
from windtunnel.clock import SystemClock
from windtunnel.model.comparison import parse_comparison
from windtunnel.model.experiment import AbortCondition, CommandProbe, Experiment, HttpProbe, Probe, Target
from windtunnel.model.policy import Policy
from windtunnel.model.record import Phase, Sample
from windtunnel.probes import ProbeContext, look

CLOCK = SystemClock()


def stops(probe, condition):
    """Look once, as a sample taken while a fault is active, and ask whether it stops the run."""
    seen = look(probe, ProbeContext(), CLOCK)
    now = CLOCK.now()
    sample = Sample(now, probe.name, Phase.DURING, seen.ok, seen.value, took_s=0.0)
    experiment = Experiment(
        name="x", hypothesis="h", owner="o", target=Target(namespace="shop"),
        steady_state=(probe,), faults=(), duration_s=60, recover_within_s=30,
        abort_when=(AbortCondition(probe.name, parse_comparison(condition)),),
    )  # fmt: skip
    return breaches(Policy(), experiment, [sample], injected_at=now - timedelta(seconds=1), now=now)


def test_a_refused_connection_is_no_short_latency():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        (stop,) = stops(Probe("front page", HttpProbe(url)), "> 2")
    assert "could not be seen" in stop.reason


@pytest.mark.parametrize(("status", "stopped"), [(503, 1), (200, 0)])
def test_an_error_page_that_comes_fast_is_no_short_latency(status, stopped):
    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        probe = Probe("front page", HttpProbe(f"http://127.0.0.1:{server.server_port}/"))
        assert len(stops(probe, "> 2")) == stopped
        server.shutdown()


def test_a_program_that_fails_fast_printed_no_small_number():
    probe = CommandProbe((sys.executable, "-c", "raise SystemExit(1)"), expect=parse_comparison("< 0.5"))
    assert stops(Probe("error rate", probe), "> 0.5")
