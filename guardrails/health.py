"""Health: what the policy says must hold everywhere before anything is broken anywhere."""

import math
from dataclasses import dataclass
from datetime import datetime

from guardrails.answers import allow, deny, unknown
from guardrails.facts import FactKey, Facts, Unusable
from windtunnel.model.decision import Decision
from windtunnel.model.experiment import Experiment
from windtunnel.model.policy import Policy

NAME = "health"
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class QueryReading:
    """What one query gave: a value for each series, by its labels; or why it gave nothing."""

    query: str
    series: tuple[tuple[str, float], ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """The readings of all health queries, in the order of the policy."""

    readings: tuple[QueryReading, ...] = ()


HEALTH = FactKey("health", Health, max_age_s=60.0)
NEEDS: tuple[str, ...] = (HEALTH.name,)


def decide(policy: Policy, experiment: Experiment, facts: Facts, now: datetime) -> Decision:  # noqa: ARG001 - one shape for all
    """Refuse when any series of any query does not hold; a query without any series proves no health."""
    if not policy.health:
        return allow(NAME, "The policy names no health queries.")
    health = facts.read(HEALTH, now=now)
    if isinstance(health, Unusable):
        return unknown(NAME, health)
    by_query = {reading.query: reading for reading in health.readings}
    bad, errors = [], []
    for wanted in policy.health:
        reading = by_query.get(wanted.query, QueryReading(wanted.query, error="it was not asked"))
        failing = [(labels, value) for labels, value in reading.series if not wanted.expect.holds(value)]
        if reading.error or not reading.series:
            errors.append(f"{wanted.query}: {reading.error or 'no data'}")
        elif failing:
            bad.append(f"{_named(failing)} expected {wanted.expect}")
    if bad:
        return deny(
            NAME,
            f"Not healthy: {'; '.join((*bad, *errors))}.",
            observed=f"{len(bad)} of {len(policy.health)} do not hold",
            limit="all hold",
        )
    if errors:
        return unknown(NAME, Unusable("; ".join(errors)))
    return allow(
        NAME, f"All {len(policy.health)} health queries hold.", observed="all hold", limit="all hold"
    )


def _named(failing: list[tuple[str, float]]) -> str:
    shown = ", ".join(
        f"{labels} is {'NaN' if math.isnan(value) else f'{value:g}'}" for labels, value in failing[:_SHOWN]
    )
    more = len(failing) - _SHOWN
    return f"{shown} and {more} more," if more > 0 else f"{shown},"
