"""Error budget, health and alerts, read from Debian's own Prometheus and Alertmanager with a known past."""

import socket
import time
from types import SimpleNamespace

import pytest
import requests

from guardrails import error_budget as guardrail
from guardrails import health as health_guardrail
from guardrails.error_budget import BUDGET
from guardrails.facts import TARGET, Facts
from guardrails.health import HEALTH
from guardrails.incidents import ALERTS
from tasks.facts import gather
from tests.lab.prometheus_with_history import alertmanager, prometheus
from tests.unit.guardrail_start import EXPERIMENT, SUMMARY
from windtunnel.clock import SystemClock
from windtunnel.model.comparison import parse_comparison
from windtunnel.model.decision import Fact, Outcome
from windtunnel.model.policy import Policy
from windtunnel.model.rule_sources import Alertmanager, ErrorBudget, HealthQuery

RATIO = 'sum(rate(requests_total{code="500"}[$window])) / sum(rate(requests_total[$window]))'
STEP_S = 60
DAY_S = 86_400


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def past(now: int, days: int = 31) -> str:
    """Write requests at 10/s for *days*; bad ones at 0.005/s all along, and at 1/s in the last ten minutes.

    So the error ratio is 0.0005 in quiet times (half of what 99.9% allows) and 0.1 in the last ten minutes;
    good and bad ones together are 10/s at all times.
    """
    lines = ["# TYPE requests counter"]
    begin, bad, good = now - days * DAY_S, 0.0, 0.0
    rows: dict[str, list[str]] = {"500": [], "200": []}
    at = begin
    while at <= now:
        rows["500"].append(f'requests_total{{code="500"}} {bad:.4f} {at}')
        rows["200"].append(f'requests_total{{code="200"}} {good:.4f} {at}')
        step = STEP_S if now - at <= 7 * 3600 else 10 * STEP_S
        rate = 1.0 if now - at <= 600 else 0.005
        bad += rate * step
        good += (10 - rate) * step
        at += step
    lines += rows["500"] + rows["200"]
    lines += ["# TYPE slo_left gauge", *(f"slo_left 0.42 {at}" for at in range(now - 600, now + 1, 60))]
    lines += [
        "# TYPE up gauge",
        *(
            f'up{{job="api",instance="{n}"}} {n != "b":d} {at}'
            for n in "ab"
            for at in range(now - 600, now + 1, 60)
        ),
    ]
    return "\n".join([*lines, "# EOF", ""])


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    now = int(time.time())  # noqa: TID251 - the past of a real Prometheus ends now
    with prometheus(tmp_path_factory.mktemp("prometheus"), past(now), port=free_port()) as url:
        yield url


def gathered(key, url, **rules):
    policy = Policy(prometheus_url=url, **rules)
    run = SimpleNamespace(
        clock=SystemClock(), policy=policy, gatherers=None, calendars={}, experiment=EXPERIMENT
    )
    return policy, gather(run, [key.name], policy=policy).by_name[key.name]


def decided(url, **budget):
    policy, fact = gathered(BUDGET, url, error_budget=ErrorBudget(objective=0.999, **budget))
    now = SystemClock().now()
    facts = Facts({BUDGET.name: fact, TARGET.name: Fact(now, SUMMARY)})
    return fact, guardrail.decide(policy, EXPERIMENT, facts, now)


def test_the_error_ratio_of_every_window_is_what_was_put_in(source):
    fact, _ = decided(source, error_ratio=RATIO)
    assert fact.value.errors == ()
    ratios = fact.value.ratios
    # 5 m: all of it in the bad ten minutes: 1 / 10 = 0.1
    assert ratios[300.0] == pytest.approx(0.1, rel=0.02)
    # 1 h: 600 s at 1/s and 3000 s at 0.005/s of 10/s over 3600 s: (600 + 15) / 36,000 = 0.01708
    assert ratios[3600.0] == pytest.approx(0.01708, rel=0.05)
    # 6 h: (600 + 21,000 * 0.005) / 216,000 = 0.003264
    assert ratios[21_600.0] == pytest.approx(0.003264, rel=0.05)
    # 30 d: (600 + 2,591,400 * 0.005) / 25,920,000 = 0.000523
    assert ratios[2_592_000.0] == pytest.approx(0.000523, rel=0.05)


def test_a_fast_burn_refuses_although_enough_is_left(source):
    _, decision = decided(source, error_ratio=RATIO)
    assert decision.outcome is Outcome.DENY
    # 1 h: 0.01708 / 0.001 = 17.1 > 14.4 and 5 m: 0.1 / 0.001 = 100 > 14.4: the first pair fires.
    assert "over 1h and 100" in decision.reason
    # 6 h: 3.26 < 6, so the second pair does not; 1 d: (600 + 429) / 864,000 / 0.001 = 1.19 < 3 neither.
    assert "over 6h" not in decision.reason
    # left: 1 - 0.000523 / 0.001 = 47.7%
    assert decision.evidence.observed.startswith("47.")


def test_a_recording_rule_of_what_remains_is_enough(source):
    _, decision = decided(source, remaining="slo_left", keep=0.4)
    assert decision.outcome is Outcome.ALLOW
    assert decision.evidence.observed.startswith("42.0% left")
    _, decision = decided(source, remaining="slo_left", keep=0.5)
    assert (decision.outcome, "42.0% is left < 50.0% to keep" in decision.reason) == (Outcome.DENY, True)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("nothing_there", "no data"),
        ("slo_left * 0 / 0", "NaN"),
        ("up", "2 series"),
        ("slo_left * 100", "divide a percentage by 100"),
        ("sum(", "parse error"),
    ],
)
def test_what_is_no_budget_refuses(source, query, says):
    _, decision = decided(source, remaining=query)
    assert decision.outcome is Outcome.UNKNOWN
    assert says in decision.reason


def test_health_must_hold_for_every_series(source):
    wanted = (HealthQuery('up{job="api"}', parse_comparison("== 1")),)
    policy, fact = gathered(HEALTH, source, health=wanted)
    now = SystemClock().now()
    decision = health_guardrail.decide(policy, EXPERIMENT, Facts({HEALTH.name: fact}), now)
    assert decision.outcome is Outcome.DENY
    assert 'up{instance="b", job="api"} is 0, expected == 1' in decision.reason
    policy, fact = gathered(HEALTH, source, health=(HealthQuery('up{job="web"}', parse_comparison("== 1")),))
    decision = health_guardrail.decide(policy, EXPERIMENT, Facts({HEALTH.name: fact}), now)
    assert (decision.outcome, "no data" in decision.reason) == (Outcome.UNKNOWN, True)


# --- Alertmanager


@pytest.fixture(scope="module")
def alerts(tmp_path_factory):
    with alertmanager(tmp_path_factory.mktemp("alertmanager"), port=free_port()) as url:
        for name, severity in (("HighErrors", "critical"), ("DiskSlow", "warning")):
            labels = {"alertname": name, "severity": severity, "service": "checkout"}
            requests.post(f"{url}/api/v2/alerts", json=[{"labels": labels}], timeout=5).raise_for_status()
        yield url


def firing(url, *match):
    _, fact = gathered(ALERTS, "", alertmanager=Alertmanager(url, match))
    return fact.error or [str(each) for each in fact.value.open]


def test_firing_alerts_that_satisfy_all_matchers_count(alerts):
    (alert,) = firing(alerts, 'severity="critical"')
    assert alert.startswith("HighErrors (severity=critical, service=checkout)")
    assert len(firing(alerts)) == 2
    assert firing(alerts, 'severity=~"crit.*"', 'alertname!="HighErrors"') == []


def test_a_silenced_alert_does_not_count(alerts):
    silence = {
        "matchers": [{"name": "alertname", "value": "DiskSlow", "isRegex": False}],
        "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2099-01-01T00:00:00Z",
        "createdBy": "t", "comment": "known",
    }  # fmt: skip
    made = requests.post(f"{alerts}/api/v2/silences", json=silence, timeout=5)
    assert firing(alerts, 'alertname="DiskSlow"') == []
    requests.delete(f"{alerts}/api/v2/silence/{made.json()['silenceID']}", timeout=5).raise_for_status()
    assert len(firing(alerts, 'alertname="DiskSlow"')) == 1


def test_a_bad_matcher_is_told_with_the_alertmanager_s_words(alerts):
    assert "400" in firing(alerts, 'severity=~"["')
