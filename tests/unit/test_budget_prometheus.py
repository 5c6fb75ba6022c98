"""The error budget as a real Prometheus (Debian's) measures it, and what bad days of one make of it.

The series, in minutes before now, at 600 requests a minute for 30 days, objective 99.9% (budget: 0.001):

- `calm`: 6 errors a minute in the last 20 minutes, none before. 5m: 6/600 = 0.01, a burn rate of 10;
  1h: 20*6 / (60*600) = 0.00333, 3.3; 6h: 120 / 216000 = 0.000556, 0.56;
  30d: 120 / 25920000 = 0.00000463, so 0.46% are spent and 99.5% are left. No pair of windows fires.
- `burning`: 20 errors a minute in the last 70 minutes. 5m and 1h: 20/600 = 0.0333, a burn rate of 33 > 14.4;
  6h: 1400/216000 = 0.00648, 6.5 > 6, as 30m does; 30d: 1400 / 25920000 = 0.000054, 5.4% are spent.
- `spent`: 0.57 errors a minute for all of the time. 30d: 0.00095, so 95% are spent; a burn rate of 0.95.
"""

import math
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from guardrails import error_budget, health
from guardrails.facts import Facts
from tasks import budget_facts
from tasks.facts import observe_fact
from tests.unit.guardrail_start import EXPERIMENT, FACTS
from tests.unit.loopback import wait_for
from windtunnel.clock import SystemClock
from windtunnel.files import parse_policy
from windtunnel.model.decision import Outcome
from windtunnel.model.policy import Policy

MONTH = 30 * 86400.0
CLOCK = SystemClock()
RATIO = (
    'sum(rate(requests_total{job="JOB",code="500"}[$window])) / sum(rate(requests_total{job="JOB"}[$window]))'
)
ERRORS = {
    "calm": lambda minute: 6 * max(0, 20 - minute),
    "burning": lambda minute: 20 * max(0, 70 - minute),
    "spent": lambda minute: 0.57 * (50_000 - minute),
}


def openmetrics(now: int) -> Iterator[str]:
    """Yield counters: a sample a minute of late, fewer before; errors are counted down to *now*."""
    minutes = sorted({*range(45_000, 4320, -180), *range(4320, 400, -10), *range(400, -1, -1)}, reverse=True)
    yield "# TYPE requests counter"
    for job, errors in ERRORS.items():
        most = errors(45_000)
        for code in ("200", "500"):
            for minute in minutes:
                bad = errors(minute) - min(most, 0)
                value = bad if code == "500" else 600 * (50_000 - minute) - bad
                yield f'requests_total{{job="{job}",code="{code}"}} {value:.6f} {now - 60 * minute}'
    yield "# TYPE slo:left gauge"
    for minute in range(10, -1, -1):
        yield f"slo:left 0.42 {now - 60 * minute}"
    yield "# TYPE slo:percent gauge"
    for minute in range(10, -1, -1):
        yield f"slo:percent 42 {now - 60 * minute}"
    yield "# EOF"


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory) -> Iterator[str]:
    missing = [name for name in ("prometheus", "promtool") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed (Debian: prometheus)")
    folder = tmp_path_factory.mktemp("prometheus")
    series = folder / "series.txt"
    series.write_text("\n".join(openmetrics(int(CLOCK.now().timestamp()))) + "\n")
    command = [
        shutil.which("promtool"),
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        str(series),
        str(folder / "data"),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    (folder / "prometheus.yml").write_text("global: {scrape_interval: 1m}\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [shutil.which("prometheus"), f"--config.file={folder}/prometheus.yml"]
    command += [f"--storage.tsdb.path={folder}/data", "--storage.tsdb.retention.time=90d"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, f"--web.listen-address={address}"], stdout=log, stderr=log)
    try:
        wait_for(f"http://{address}/-/ready")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(10)


def policy_of(url: str, **budget: str) -> Policy:
    lines = [f"  {key}: '{value}'" for key, value in budget.items()]
    return parse_policy(
        "\n".join([f"prometheus: {{url: {url}}}", "error_budget:", "  objective: 99.9%", *lines]), "w.yaml"
    )


def seen_by(policy: Policy) -> SimpleNamespace:
    return SimpleNamespace(policy=policy, experiment=EXPERIMENT, clock=CLOCK)


def answer(policy: Policy) -> tuple[Outcome, str]:
    now = CLOCK.now()
    facts = Facts({name: replace(fact, observed_at=now) for name, fact in FACTS.by_name.items()})
    fact = observe_fact(lambda: budget_facts.error_budget(seen_by(policy), policy), CLOCK)
    decision = error_budget.decide(
        policy, EXPERIMENT, facts.with_fact(error_budget.BUDGET, fact), CLOCK.now()
    )
    return decision.outcome, decision.reason


def ratio(job: str) -> str:
    return RATIO.replace("JOB", job)


def test_every_window_is_measured_as_worked_out_by_hand(prometheus):
    policy = policy_of(prometheus, error_ratio=ratio("calm"))
    reading = budget_facts.error_budget(seen_by(policy), policy)
    assert reading.errors == ()
    by_hand = {300.0: 0.01, 3600.0: 0.00333, 6 * 3600.0: 0.000556, MONTH: 0.00000463}
    for window_s, expected in by_hand.items():
        assert math.isclose(reading.ratios[window_s], expected, rel_tol=0.05), window_s
    assert answer(policy)[0] is Outcome.ALLOW


def test_a_fast_burn_refuses_with_both_rates_and_the_threshold(prometheus):
    outcome, reason = answer(policy_of(prometheus, error_ratio=ratio("burning")))
    assert outcome is Outcome.DENY
    assert "it burns 33.3 times too fast over 1h and 33.3 over 5m > 14.4" in reason
    assert "over 6h and 33.3 over 30m > 6" in reason
    assert "is left" not in reason  # 94.6% are


def test_a_budget_that_is_nearly_spent_refuses(prometheus):
    outcome, reason = answer(policy_of(prometheus, error_ratio=ratio("spent")))
    assert outcome is Outcome.DENY
    assert "5.0% is left < 10.0% to keep" in reason
    assert "burns" not in reason


def test_a_recording_rule_says_what_is_left(prometheus):
    assert answer(policy_of(prometheus, remaining="slo:left"))[0] is Outcome.ALLOW
    outcome, reason = answer(policy_of(prometheus, remaining="slo:left", keep="43%"))
    assert outcome is Outcome.DENY
    assert "42.0% is left < 43.0% to keep" in reason


@pytest.mark.parametrize(
    ("budget", "says"),
    [
        ({"error_ratio": "sum(rate(nothing_total[$window]))"}, "no data"),
        ({"error_ratio": "vector(0) / vector(0) + 0 * sum(rate(requests_total[$window]))"}, "NaN"),
        ({"error_ratio": "rate(requests_total[$window])"}, "6 series"),
        ({"error_ratio": "sum(rate(requests_total[$window])) / vector(0)"}, "is inf, which is no share of 1"),
        ({"error_ratio": "sum(rate(requests_total[$window])"}, "parse error"),
        ({"remaining": "slo:percent"}, "divide a percentage by 100"),
        ({"remaining": "slo:absent"}, "no data"),
    ],
)
def test_what_is_no_ratio_is_unknown_and_the_answer_says_why(prometheus, budget, says):
    outcome, reason = answer(policy_of(prometheus, **budget))
    assert outcome is Outcome.UNKNOWN
    assert says in reason


def test_health_is_asked_of_every_series(prometheus):
    text = f"prometheus: {{url: {prometheus}}}\nhealth:\n"
    for query, outcome in (
        ("count by (job) (requests_total) == 2", Outcome.ALLOW),
        ('sum by (job) (requests_total{code="500"}) > 1000', Outcome.DENY),  # calm has 120
        ("absent_series == 1", Outcome.UNKNOWN),
        ("vector(0) / vector(0) != 1", Outcome.DENY),
    ):
        policy = parse_policy(f"{text}  - '{query}'\n", "w.yaml")
        fact = observe_fact(lambda asked=policy: budget_facts.health(seen_by(asked), asked), CLOCK)
        decision = health.decide(policy, EXPERIMENT, Facts({health.HEALTH.name: fact}), CLOCK.now())
        assert decision.outcome is outcome, decision.reason


def test_without_any_prometheus_the_answer_says_what_to_write():
    policy = replace(policy_of("http://x.example", remaining="slo:left"), prometheus_url="")
    outcome, reason = answer(policy)
    assert outcome is Outcome.UNKNOWN
    assert "prometheus: {url: ...}" in reason


# --- bad days


class BadDay(BaseHTTPRequestHandler):
    def do_GET(self):
        status, body = self.server.answer
        if status == 0:
            self.server.over.wait(30)
            return
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (0, b"", "no answer within"),
        (503, b"try later", "503"),
        (200, b"<html>a login page</html>", "not one of Prometheus"),
        (200, b'{"status": "success", "data": {"resu', "not one of Prometheus"),
    ],
)
def test_a_prometheus_on_a_bad_day_is_unknown(status, body, says, monkeypatch):
    monkeypatch.setattr(budget_facts, "TIMEOUT_S", 0.5)
    server = ThreadingHTTPServer(("127.0.0.1", 0), BadDay)
    server.daemon_threads, server.answer, server.over = True, (status, body), threading.Event()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        outcome, reason = answer(policy_of(url, error_ratio="r[$window]", remaining="slo:left"))
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
    assert outcome is Outcome.UNKNOWN
    assert says in reason
