"""Keep fresh what is slow to read while a run lives: incidents, alerts, budgets, freezes, calendars."""

import threading

from guardrails.watch import QUICK, facts_watched
from tasks.facts import gather
from tasks.live_run import LiveRun

EVERY_S = 10.0  # well within the age at which these facts are too old to count
WITHIN_S = 8.0


def refresh(run: LiveRun, done: threading.Event) -> None:
    """Read the slow facts of every policy again until *done*; only what the policies name is asked."""
    needed = [(policy, facts_watched(policy) - set(QUICK)) for policy in run.policy.stack]
    if not any(names for _, names in needed):
        return
    while not run.clock.wait(EVERY_S, until=done):
        for policy, names in needed:
            if names:
                run.known.learn([policy], gather(run, names, policy=policy, limit_s=WITHIN_S))
