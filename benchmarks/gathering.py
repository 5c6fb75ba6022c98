"""How long it takes to know what the guardrails ask, where every source takes its time to answer."""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

from benchmarks.figures import Figure

DELAY_S = 0.2
RUNS = 10
POLICY = """
prometheus: {{url: "{url}"}}
blackouts: [{{calendar: "{url}/freeze.ics"}}]
freeze: {{url: "{url}/freeze"}}
error_budget: {{objective: 99.9%, error_ratio: "r[$window]", remaining: left}}
incidents:
  pagerduty: {{services: [P1]}}
  alertmanager: {{url: "{url}"}}
health: [up == 1, db_up == 1, cache_up == 1]
"""
CALENDAR = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//bench//EN\r\nEND:VCALENDAR\r\n"
ANSWERS = {
    "/freeze.ics": CALENDAR,
    "/freeze": json.dumps({"frozen": False}),
    "/incidents": json.dumps({"incidents": [], "more": False, "limit": 100, "offset": 0}),
    "/api/v2/alerts": "[]",
    "/api/v1/query": json.dumps(
        {
            "status": "success",
            "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "0.0001"]}]},
        }
    ),
}


class Slow(BaseHTTPRequestHandler):
    """Answers what its path is for, after a while."""

    def do_GET(self):
        """Answer late."""
        time.sleep(DELAY_S)
        body = ANSWERS[self.path.partition("?")[0]].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Say nothing."""


class SlowServer(ThreadingHTTPServer):
    """Takes all connections at once; with Python's own backlog of 5, the rest would wait a second."""

    daemon_threads = True
    request_queue_size = 64


def gathering() -> Figure:
    """Time from the first question to the last answer: six facts, sixteen requests of 200 ms."""
    from guardrails.blackout import CALENDARS
    from guardrails.error_budget import BUDGET
    from guardrails.freeze import FREEZE
    from guardrails.health import HEALTH
    from guardrails.incidents import ALERTS, PAGERDUTY
    from tasks.facts import gather
    from windtunnel.clock import SystemClock
    from windtunnel.files import parse_policy

    names = [key.name for key in (CALENDARS, FREEZE, BUDGET, HEALTH, PAGERDUTY, ALERTS)]
    with slow_server() as url:
        policy = parse_policy(POLICY.format(url=url), "windtunnel.yaml")
        target = SimpleNamespace(cluster="", namespace="shop")
        run = SimpleNamespace(
            policy=policy, clock=SystemClock(), gatherers=None, calendars={}, plans=(),
            experiment=SimpleNamespace(target=target),
        )  # fmt: skip
        samples = []
        for _ in range(RUNS + 1):
            began = time.perf_counter()
            facts = gather(run, names, policy=policy)
            samples.append(time.perf_counter() - began)
            failed = {name: fact.error for name, fact in facts.by_name.items() if fact.error}
            assert not failed, failed
    note = (
        f"6 facts, 16 requests of {DELAY_S * 1000:g} ms at once; first, with its imports: {samples[0]:.2f} s"
    )
    return Figure("gathering remote facts of 200 ms each", "s", tuple(samples[1:]), goal=0.6, note=note)


@contextmanager
def slow_server() -> Iterator[str]:
    server = SlowServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    os.environ.update({"PAGERDUTY_API_URL": url, "PAGERDUTY_TOKEN": "bench"})
    try:
        yield url
    finally:
        del os.environ["PAGERDUTY_API_URL"], os.environ["PAGERDUTY_TOKEN"]
        server.shutdown()
        server.server_close()
