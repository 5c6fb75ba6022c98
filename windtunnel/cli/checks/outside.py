"""Whoever is told, and whoever is asked: Slack, PagerDuty, Alertmanager."""

from collections.abc import Iterator
from functools import partial

from windtunnel.cli.checks.finding import Check, State
from windtunnel.model.policy import Policy

TIMEOUT_S = 5.0


def outside_checks(policy: Policy, *, lab: bool) -> Iterator[Check]:
    """Yield the checks of what the policy names outside the cluster."""
    yield Check("slack", lambda: _slack(lab=lab), "set SLACK_BOT_TOKEN to the bot token of your workspace")
    yield Check("paging", _paging, "set PAGERDUTY_ROUTING_KEY to the key of an Events API v2 integration")
    for each in policy.stack:
        if each.pagerduty:
            yield Check("pagerduty", partial(_pagerduty, each), "set PAGERDUTY_TOKEN to a valid key")
        if each.alertmanager:
            yield Check("alertmanager", partial(_alertmanager, each), "correct `incidents` in the policy")


def _slack(*, lab: bool) -> tuple[State, str, str]:
    from windtunnel.clients.slack import slack_from_environment

    slack = slack_from_environment(lab=lab)
    if slack is None:
        return State.SKIPPED, "no SLACK_BOT_TOKEN; nobody is told", "set SLACK_BOT_TOKEN to be told in Slack"
    return State.OK, slack.workspace(), ""


def _paging() -> tuple[State, str, str]:
    from windtunnel.clients import paging, telling
    from windtunnel.model.errors import NotifyError

    if not paging.can_page():
        return (
            State.SKIPPED,
            f"no {paging.KEY}; nobody is paged when undo fails",
            f"set {paging.KEY} to be paged",
        )
    if failed := telling.take({"PagerDuty": paging.try_out}, limit_s=TIMEOUT_S):
        raise NotifyError(failed["PagerDuty"])
    return State.OK, "PagerDuty takes events; nobody was called", ""


def _pagerduty(policy: Policy) -> tuple[State, str, str]:
    from windtunnel.clients.pagerduty import open_incidents

    assert policy.pagerduty is not None, "asked only where it is configured"  # noqa: S101
    found = open_incidents(policy.pagerduty, timeout_s=TIMEOUT_S)
    return State.OK, f"answers; {len(found)} open", ""


def _alertmanager(policy: Policy) -> tuple[State, str, str]:
    from windtunnel.clients.alertmanager import firing_alerts
    from windtunnel.clock import SystemClock

    assert policy.alertmanager is not None, "asked only where it is configured"  # noqa: S101
    found = firing_alerts(policy.alertmanager, SystemClock(), timeout_s=TIMEOUT_S)
    return State.OK, f"answers; {len(found)} firing", ""
