"""Health and error budget of a policy, asked of the lab's own Prometheus before and during whole runs."""

import pytest

pytestmark = [pytest.mark.lab, pytest.mark.prefect]
POLICY = """
health:
  - count(up{app="frontend"} == 1) >= 1
error_budget:
  objective: 50%
  error_ratio: >
    (sum(rate(http_requests_total{app="frontend",code=~"5.."}[$window])) or vector(0))
    / sum(rate(http_requests_total{app="frontend"}[$window]))
"""


def test_health_and_budget_are_measured_and_let_a_run_begin_or_not(run, written):
    outcome = run(written(duration="3s"), policy=POLICY)
    said = {
        event.data["guardrail"]: event.data
        for event in outcome.record.events
        if event.kind == "guardrail.decision"
    }
    assert (said["health"]["outcome"], said["error_budget"]["outcome"]) == ("allow", "allow"), said
    assert "left" in said["error_budget"]["observed"]
    assert outcome.judgement.verdict == "passed"

    refused = run(written(), policy=POLICY.replace(">= 1", "> 99"))
    assert refused.judgement.verdict == "blocked"
    assert "Not healthy" in refused.judgement.reason
    assert "fault.injecting" not in refused.kinds
