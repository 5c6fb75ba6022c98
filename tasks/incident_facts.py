"""What is open elsewhere: incidents in PagerDuty, alerts in Alertmanager."""

from guardrails.incidents import Incident, Incidents
from tasks.prospect import Prospect
from windtunnel.clients.alertmanager import firing_alerts
from windtunnel.clients.pagerduty import open_incidents
from windtunnel.model.policy import Policy

TIMEOUT_S = 5.0


def pagerduty_incidents(_run: Prospect, policy: Policy) -> Incidents:
    """List the open incidents that the policy asks about."""
    if policy.pagerduty is None:
        return Incidents()
    found = open_incidents(policy.pagerduty, timeout_s=TIMEOUT_S)
    return Incidents(tuple(Incident(str(each), each.since, each.link) for each in found))


def alertmanager_alerts(run: Prospect, policy: Policy) -> Incidents:
    """List the firing alerts that the policy asks about."""
    if policy.alertmanager is None:
        return Incidents()
    found = firing_alerts(policy.alertmanager, run.clock, timeout_s=TIMEOUT_S)
    return Incidents(tuple(Incident(str(each), each.starts_at, each.link) for each in found))
