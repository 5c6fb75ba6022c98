"""Caps: the most that any run may hit, how long, and how many runs at once."""

import math
from datetime import datetime

from guardrails.answers import allow, deny, unknown
from guardrails.facts import ACTIVE_RUNS, TARGET, ActiveRuns, Facts, TargetSummary, Unusable
from windtunnel.model.decision import Decision
from windtunnel.model.duration import format_duration
from windtunnel.model.experiment import Experiment
from windtunnel.model.policy import Caps, Policy

NAME = "caps"
NEEDS: tuple[str, ...] = (TARGET.name, ACTIVE_RUNS.name)


def decide(policy: Policy, experiment: Experiment, facts: Facts, now: datetime) -> Decision:
    """Refuse a run that would exceed any cap, and name every cap it exceeds with both numbers."""
    target = facts.read(TARGET, now=now)
    if isinstance(target, Unusable):
        return unknown(NAME, target)
    others = facts.read(ACTIVE_RUNS, now=now)
    if isinstance(others, Unusable):
        return unknown(NAME, others)
    excesses = exceeded(policy.caps, experiment, target, others)
    if not excesses:
        return allow(NAME, "Within every cap.", observed=_observed(target), limit=_limit(policy.caps, target))
    return deny(
        NAME,
        f"Over the caps of the policy: {'; '.join(excesses)}.",
        observed=_observed(target),
        limit=_limit(policy.caps, target),
    )


def pods_allowed(caps: Caps, *, of: int) -> int:
    """Return how many of *of* pods a run may hit: the cap, or the share if that is less."""
    return min(caps.pods, _share(caps, of=of))


def exceeded(
    caps: Caps, experiment: Experiment, target: TargetSummary, others: ActiveRuns
) -> tuple[str, ...]:
    """Return one clause per cap that the run would exceed, each with what it needs and the cap."""
    share = _share(caps, of=target.pods)
    checks = (
        (target.planned_pods > caps.pods, f"needs {_count(target.planned_pods, 'pod')} > cap {caps.pods}"),
        (
            target.planned_pods > share,
            f"needs {target.planned_pods} of {_count(target.pods, 'pod')} > cap {caps.percent:g}% ({share})",
        ),
        (
            target.planned_nodes > caps.nodes,
            f"needs {_count(target.planned_nodes, 'node')} > cap {caps.nodes}",
        ),
        (
            experiment.duration_s > caps.duration_s,
            f"lasts {format_duration(experiment.duration_s)} > cap {format_duration(caps.duration_s)}",
        ),
        (
            len(others.run_ids) + 1 > caps.concurrent_runs,
            f"would be run {len(others.run_ids) + 1} at once > cap {caps.concurrent_runs}{_who(others)}",
        ),
    )
    return tuple(clause for is_over, clause in checks if is_over)


def _share(caps: Caps, *, of: int) -> int:
    return max(1, math.floor(of * caps.percent / 100))


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _who(others: ActiveRuns) -> str:
    shown = ", ".join(others.run_ids[:3])
    more = len(others.run_ids) - 3
    return f" (running: {shown}{f' and {more} more' if more > 0 else ''})" if shown else ""


def _observed(target: TargetSummary) -> str:
    return f"{target.planned_pods} of {_count(target.pods, 'pod')}, {_count(target.planned_nodes, 'node')}"


def _limit(caps: Caps, target: TargetSummary) -> str:
    return f"{_count(pods_allowed(caps, of=target.pods), 'pod')}, {_count(caps.nodes, 'node')}"
