"""Error budget: chaos spends what a service can afford, never its last reserve."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from guardrails import burn_rate as burning
from guardrails.answers import allow, deny, unknown
from guardrails.facts import TARGET, FactKey, Facts, TargetSummary, Unusable
from guardrails.stop import Stop
from windtunnel.model.decision import Decision, Evidence
from windtunnel.model.duration import format_duration
from windtunnel.model.experiment import Experiment
from windtunnel.model.policy import Policy
from windtunnel.model.rule_sources import ErrorBudget

NAME = "error_budget"
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class BudgetReading:
    """What was measured: error ratios by window (seconds), the series of what remains, and what failed."""

    ratios: Mapping[float, float] = field(default_factory=dict)
    remaining: float | None = None
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BudgetSpent:
    """The error ratio over the run so far, and how long that is; nothing before the injection."""

    error_ratio: float = 0.0
    lasting_s: float = 0.0


BUDGET = FactKey("error_budget", BudgetReading, max_age_s=60.0)
SPENT = FactKey("budget_spent", BudgetSpent, max_age_s=30.0)
NEEDS: tuple[str, ...] = (BUDGET.name, TARGET.name)


def decide(policy: Policy, experiment: Experiment, facts: Facts, now: datetime) -> Decision:
    """Refuse when too little is left, when it burns fast already, or when this run may cost too much."""
    budget = policy.error_budget
    if budget is None:
        return allow(NAME, "The policy names no error budget.")
    reading, target = facts.read(BUDGET, now=now), facts.read(TARGET, now=now)
    if isinstance(reading, Unusable):
        return unknown(NAME, reading)
    errors = [*reading.errors, *_implausible(budget, reading)]
    if isinstance(target, Unusable):
        errors.append(target.reason)
    left = what_is_left(budget, reading)
    cost = None if isinstance(target, Unusable) else expected_cost(budget, experiment, target)
    observed = ", ".join(
        ([] if left is None else [f"{left:.1%} left"])
        + ([] if cost is None else [f"the run may cost {cost:.2%}"])
    )
    limit = f"keep {budget.keep:.4g}, spend {budget.spend_per_run:.4g} per run (of 1)"
    objections = (*_too_little(budget, left, cost), *_fast_burns(budget, reading))
    if objections:  # what is known to be wrong outranks what is not known; both are told
        told = "; ".join((*objections, *errors))
        return deny(NAME, f"The error budget: {told}.", observed=observed, limit=limit)
    if errors:
        return unknown(NAME, Unusable("; ".join(errors)))
    return allow(NAME, "Enough of the error budget is left.", observed=observed, limit=limit)


def stops(policy: Policy, experiment: Experiment, facts: Facts, now: datetime) -> tuple[Stop, ...]:  # noqa: ARG001 - one shape for all
    """Stop a run that has spent more than its share, or whose cost can no longer be seen."""
    budget = policy.error_budget
    if budget is None or not budget.error_ratio:
        return ()  # what remains moves too slowly to tell what one run spends
    read = facts.read(SPENT, now=now)
    limit = f"{budget.spend_per_run:.2%}"
    if isinstance(read, Unusable):
        reason = f"What this run costs can no longer be seen: {read.reason}."
        return (Stop("sight", reason, now, Evidence("unknown", limit)),)
    cost = burning.spent(read.error_ratio, read.lasting_s, budget.objective, budget.period_s)
    rate = burning.burn_rate(read.error_ratio, budget.objective)
    lasted = format_duration(read.lasting_s)
    found = []
    if cost > budget.spend_per_run:
        told = f"This run has spent {cost:.2%} of the error budget > {limit}, "
        told += f"in {lasted} at a burn rate of {rate:.1f}."
        found.append(Stop("budget", told, now, Evidence(f"{cost:.2%}", limit)))
    if budget.burn_rate is not None and rate > budget.burn_rate:
        told = f"The error budget burns {rate:.1f} times too fast > {budget.burn_rate:g}, "
        told += f"over the {lasted} of this run."
        found.append(Stop("budget", told, now, Evidence(f"{rate:.1f}", f"{budget.burn_rate:g}")))
    return tuple(found)


def what_is_left(budget: ErrorBudget, reading: BudgetReading) -> float | None:
    """Return the fraction of the budget that is left: the smaller, where both ways of telling are given."""
    known = []
    ratio = reading.ratios.get(budget.period_s)
    if budget.error_ratio and ratio is not None and _is_share(ratio):
        known.append(burning.remaining(ratio, budget.objective))
    if budget.remaining and reading.remaining is not None and _can_remain(reading.remaining):
        known.append(reading.remaining)
    return min(known, default=None)


def expected_cost(budget: ErrorBudget, experiment: Experiment, target: TargetSummary) -> float:
    """Return the share of the budget that the run costs if all that it hits fails for all of its duration.

    A pessimistic estimate: affected share * their error * duration, with an error of 1. Where nodes are hit,
    or nothing is known of the share, all of the target counts as affected.
    """
    share = 1.0
    if target.pods and not target.planned_nodes:
        share = min(1.0, target.planned_pods / target.pods)
    return burning.spent(share, experiment.duration_s, budget.objective, budget.period_s)


def _implausible(budget: ErrorBudget, reading: BudgetReading) -> Iterator[str]:
    """Yield what no error ratio and no remaining budget can be, or what is missing of them."""
    if budget.error_ratio:
        for window_s in burning.windows(budget.period_s):
            ratio = reading.ratios.get(window_s)
            if ratio is None and not reading.errors:
                yield f"the error ratio over {format_duration(window_s)} was not measured"
            elif ratio is not None and not _is_share(ratio):
                yield f"the error ratio over {format_duration(window_s)} is {ratio:g}, which is no share of 1"
    if budget.remaining:
        if reading.remaining is None and not reading.errors:
            yield "what remains of the budget was not measured"
        elif reading.remaining is not None and not _can_remain(reading.remaining):
            yield f"what remains is {reading.remaining:g}, no fraction up to 1; divide a percentage by 100"


def _is_share(ratio: float) -> bool:
    return -_ROUNDING <= ratio <= 1 + _ROUNDING


def _can_remain(fraction: float) -> bool:
    """Say whether this much can be left: a budget can be overspent many times, never be more than whole."""
    return math.isfinite(fraction) and fraction <= 1 + _ROUNDING


def _too_little(budget: ErrorBudget, left: float | None, cost: float | None) -> Iterator[str]:
    if left is not None and left < budget.keep - _ROUNDING:
        yield f"{left:.1%} is left < {budget.keep:.1%} to keep"
    elif left is not None and cost is not None and cost > left - budget.keep + _ROUNDING:
        yield f"the run may cost {cost:.2%} > {left - budget.keep:.2%} above what is kept"
    if cost is not None and cost > budget.spend_per_run + _ROUNDING:
        yield (
            f"the run may cost {cost:.2%} > {budget.spend_per_run:.2%} that one run may spend; "
            "hit less, for a shorter time"
        )


def _fast_burns(budget: ErrorBudget, reading: BudgetReading) -> Iterator[str]:
    if not budget.error_ratio:
        return
    plausible = {window_s: ratio for window_s, ratio in reading.ratios.items() if _is_share(ratio)}
    for pair in burning.firing(plausible, budget.objective, budget.period_s):
        long, short = (
            burning.burn_rate(plausible[window_s], budget.objective)
            for window_s in (pair.long_s, pair.short_s)
        )
        yield (
            f"it burns {long:.1f} times too fast over {format_duration(pair.long_s)} "
            f"and {short:.1f} over {format_duration(pair.short_s)} > {pair.threshold:.4g}"
        )
