"""Keep fresh what is slow to read while a run lives: incidents, alerts, budgets, freezes, calendars."""

import threading

from guardrails.watch import QUICK, facts_watched
from tasks.facts import gather
from tasks.live_run import LiveRun
from windtunnel.model.policy import Policy

EVERY_S = 10.0  # well within the age at which these facts are too old to count
WITHIN_S = 8.0


def refresh(run: LiveRun, policy: Policy, done: threading.Event) -> None:
    """Read the slow facts of one policy again until *done*; only what the policy names is asked."""
    names = facts_watched(policy) - set(QUICK)
    while names and not run.clock.wait(EVERY_S, until=done):
        run.known.learn([policy], gather(run, names, policy=policy, limit_s=WITHIN_S))
