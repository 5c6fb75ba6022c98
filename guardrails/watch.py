"""What is asked again and again while a fault is active, besides the samples. Pure.

To add one: give the guardrail a function `stops(policy, experiment, facts, now)` and a line in WATCHED.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from guardrails import blackout, error_budget, freeze, halt, incidents, window
from guardrails.blackout import CALENDARS
from guardrails.error_budget import SPENT
from guardrails.facts import HALT, Facts
from guardrails.incidents import ALERTS, PAGERDUTY
from guardrails.stop import Stop
from windtunnel.model.experiment import Experiment
from windtunnel.model.policy import Policy

Stops = Callable[[Policy, Experiment, Facts, datetime], tuple[Stop, ...]]


@dataclass(frozen=True, slots=True)
class Watched:
    """One guardrail that can stop a run, and the facts that it needs under a policy."""

    stops: Stops
    needs: Callable[[Policy], tuple[str, ...]]


QUICK: tuple[str, ...] = (HALT.name,)
"""Facts that are read every second; all others are read slowly, so that none of them can delay the lever."""

WATCHED: tuple[Watched, ...] = (
    Watched(halt.stops, lambda _policy: (HALT.name,)),
    Watched(window.stops, lambda _policy: ()),
    Watched(blackout.stops, lambda policy: (CALENDARS.name,) if policy.calendars else ()),
    Watched(freeze.stops, freeze.watched),
    Watched(incidents.stops, lambda policy: (PAGERDUTY.name, ALERTS.name) if incidents.heeds(policy) else ()),
    Watched(error_budget.stops, lambda policy: (SPENT.name,) if policy.error_budget else ()),
)


def facts_watched(policy: Policy) -> frozenset[str]:
    """Return the names of the facts that must be kept fresh while a run under *policy* lives."""
    return frozenset(name for watched in WATCHED for name in watched.needs(policy))


def must_stop(policy: Policy, experiment: Experiment, facts: Facts, now: datetime) -> tuple[Stop, ...]:
    """Return why a running experiment must stop that has nothing to do with its samples."""
    return tuple(stop for watched in WATCHED for stop in watched.stops(policy, experiment, facts, now))
