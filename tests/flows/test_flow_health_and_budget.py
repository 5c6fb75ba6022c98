"""Health and error budget of a policy, asked of the lab's own Prometheus before and during whole runs."""

import pytest

pytestmark = [pytest.mark.lab, pytest.mark.prefect]
POLICY = """
health:
  - count(up{app="frontend"} == 1) >= 1
error_budget:
  objective: 50%
  error_ratio: >
    1 - sum(rate(http_requests_total{app="frontend",code!~"5.."}[$window]))
    / sum(rate(http_requests_total{app="frontend"}[$window]))
"""


def test_health_and_budget_are_measured_and_let_a_run_begin_or_not(run, written):
    outcome = run(written(duration="3s"), policy=POLICY)
    said = {
        event.data["guardrail"]: event.data
        for event in outcome.record.events
        if event.kind == "guardrail.decision"
    }
    assert [said[name]["reason"] for name in ("health", "error_budget")] == [
        "All 1 health queries hold.",
        "Enough of the error budget is left.",
    ]
    assert "left" in said["error_budget"]["observed"]
    assert outcome.judgement.verdict == "passed"

    refused = run(written(), policy=POLICY.replace(">= 1", "> 99"))
    assert refused.judgement.verdict == "blocked"
    assert "Not healthy" in refused.judgement.reason
    assert "fault.injecting" not in refused.kinds
