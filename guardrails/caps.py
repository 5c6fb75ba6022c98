"""Caps: the most that any run may hit, how long, and how many runs at once."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from fractions import Fraction

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
    target, others = facts.read(TARGET, now=now), facts.read(ACTIVE_RUNS, now=now)
    seen = target if isinstance(target, TargetSummary) else None
    running = others if isinstance(others, ActiveRuns) else None
    observed, limit = _observed(seen), _limit(policy.caps, seen)
    excesses = exceeded(policy.caps, experiment, seen, running)
    unusable = [fact.reason for fact in (target, others) if isinstance(fact, Unusable)]
    unusable += [seen.unseen] if seen and seen.unseen else []
    if excesses:
        clauses = "; ".join((*excesses, *unusable))
        return deny(NAME, f"Over the caps of the policy: {clauses}.", observed=observed, limit=limit)
    if unusable:
        return unknown(NAME, Unusable("; ".join(unusable)))
    return allow(NAME, "Within every cap.", observed=observed, limit=limit)


def pods_allowed(caps: Caps, *, of: int) -> int:
    """Return how many of *of* pods a run may hit: the cap, or the share, rounded down, if that is less."""
    return min(caps.pods, _share(caps, of=of))


def exceeded(
    caps: Caps, experiment: Experiment, target: TargetSummary | None, others: ActiveRuns | None
) -> tuple[str, ...]:
    """Return one clause per cap that the run would exceed, as far as it is known, with need and cap."""
    clauses = []
    if experiment.duration_s > caps.duration_s:
        lasts = format_duration(experiment.duration_s)
        clauses.append(f"lasts {lasts} > cap {format_duration(caps.duration_s)}")
    if target is not None:
        clauses += _exceeded_by_target(caps, target)
    if others is not None and (nth := len(others.run_ids) + 1) > caps.concurrent_runs:
        clauses.append(f"would be run {nth} at once > cap {caps.concurrent_runs}{_who(others)}")
    return tuple(clauses)


def _exceeded_by_target(caps: Caps, target: TargetSummary) -> Iterator[str]:
    if target.planned_pods > caps.pods:
        yield f"needs {_count(target.planned_pods, 'pod')} > cap {caps.pods}"
    if target.planned_pods > (share := _share(caps, of=target.pods)):
        yield (
            f"needs {target.planned_pods} of {_count(target.pods, 'pod')} > cap {caps.percent:g}%, "
            f"which allows {share}{_would_do(target)}"
        )
    if target.planned_nodes > caps.nodes:
        yield f"needs {_count(target.planned_nodes, 'node')} > cap {caps.nodes}"
    if len(target.namespaces) > caps.namespaces:
        yield f"hits {len(target.namespaces)} namespaces ({_some(target.namespaces)}) > cap {caps.namespaces}"
    if len(target.zones) > caps.zones:
        yield f"hits {len(target.zones)} zones ({_some(target.zones)}) > cap {caps.zones}"


def _share(caps: Caps, *, of: int) -> int:
    """Return the share in whole pods. Exact: a float would round 29% of 100 down to 28."""
    return int(of * Fraction(str(caps.percent)) / 100)


def _would_do(target: TargetSummary) -> str:
    """Say which whole percentage would allow it."""
    if target.planned_pods > target.pods:
        return ""
    return f"; {-(-100 * target.planned_pods // target.pods)}% would allow it"


def _some(names: Iterable[str]) -> str:
    shown = sorted(names)
    return ", ".join(shown[:3]) + (", ..." if len(shown) > 3 else "")  # noqa: PLR2004 - enough for a sentence


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _who(others: ActiveRuns) -> str:
    shown = ", ".join(others.run_ids[:3])
    more = len(others.run_ids) - 3
    return f" (running: {shown}{f' and {more} more' if more > 0 else ''})" if shown else ""


def _observed(target: TargetSummary | None) -> str:
    if target is None:
        return ""
    return f"{target.planned_pods} of {_count(target.pods, 'pod')}, {_count(target.planned_nodes, 'node')}"


def _limit(caps: Caps, target: TargetSummary | None) -> str:
    if target is None:
        return ""
    return f"{_count(pods_allowed(caps, of=target.pods), 'pod')}, {_count(caps.nodes, 'node')}"
