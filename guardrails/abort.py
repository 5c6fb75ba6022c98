"""Abort conditions: what the samples of a run say about whether it must stop. Pure.

A look without an answer, or without a number, satisfies a condition as a bad number does, and so does a probe
that has been silent for longer than its interval and time limit: what cannot be seen must stop.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from guardrails.stop import Stop
from windtunnel.model.decision import Evidence
from windtunnel.model.duration import format_duration
from windtunnel.model.experiment import (
    Abort,
    AbortCondition,
    Experiment,
    FailuresInARow,
    PercentileCondition,
    Probe,
)
from windtunnel.model.policy import Policy
from windtunnel.model.record import Phase, Sample

_MANY = 10_000  # looks that can be missed; more than any condition counts


def conditions(policy: Policy, experiment: Experiment) -> tuple[Abort, ...]:
    """Return what stops a run: the conditions of the experiment and of every policy, each once."""
    of_policies = (condition for each in policy.stack for condition in each.abort_when)
    return tuple(dict.fromkeys((*experiment.abort_when, *of_policies)))


def breaches(
    policy: Policy, experiment: Experiment, samples: Sequence[Sample], *, injected_at: datetime, now: datetime
) -> tuple[Stop, ...]:
    """Return every abort condition that holds at *now*, given *samples* in the order of time.

    Only samples of the phase `during` count.
    """
    probes = {probe.name: probe for probe in experiment.steady_state}
    found = []
    for condition in conditions(policy, experiment):
        looks = [s for s in samples if s.probe == condition.probe and s.phase is Phase.DURING]
        due = missed(probes.get(condition.probe), looks, injected_at=injected_at, now=now)
        stop = _breach(condition, looks, due, injected_at=injected_at, now=now)
        found += [stop] if stop else []
    return tuple(found)


def missed(
    probe: Probe | None, looks: Sequence[Sample], *, injected_at: datetime, now: datetime
) -> tuple[datetime, ...]:
    """Return when looks were due that are so late that even their time limit has passed, the first first."""
    if probe is None:
        return (
            injected_at,
        ) * _MANY  # a condition on a probe that is not looked at can never be seen not to hold
    interval = timedelta(seconds=probe.interval_s)
    due = looks[-1].at + interval if looks else injected_at
    late = timedelta(seconds=probe.timeout_s) + interval
    found: list[datetime] = []
    while now - due > late and len(found) < _MANY:
        found.append(due)
        due += interval
    return tuple(found)


def answered(sample: Sample) -> bool:
    """Say whether the look gave a number; NaN is none."""
    return sample.ok is not None and sample.value is not None and not math.isnan(sample.value)


def _breach(
    condition: Abort,
    looks: Sequence[Sample],
    due: Sequence[datetime],
    *,
    injected_at: datetime,
    now: datetime,
) -> Stop | None:
    match condition:
        case AbortCondition():
            return _threshold(condition, looks, due, now)
        case FailuresInARow():
            return _failures(condition, looks, due, now)
        case PercentileCondition():
            return _percentile(condition, looks, due, injected_at=injected_at, now=now)


def _threshold(
    condition: AbortCondition, looks: Sequence[Sample], due: Sequence[datetime], now: datetime
) -> Stop | None:
    """Judge a bound for a time: the time runs from the first bad look of an unbroken row to *now*."""
    row: list[Sample] = []
    for look in reversed(looks):
        if answered(look) and not condition.condition.holds(look.value or 0.0):
            break
        row.append(look)
    if not row and not due:
        return None
    since = row[-1].at if row else due[0]
    observed = f"{row[0].value:g}" if row and answered(row[0]) else "no answer"
    held = (now - since).total_seconds()
    if held < condition.for_s:
        return None
    evidence = Evidence(observed, f"{condition.condition}")
    return Stop("condition", _sentence(condition, observed, held), since, evidence, condition)


def _sentence(condition: AbortCondition, observed: str, held: float) -> str:
    held_for = (
        f", for {format_duration(round(held, 1))} >= {format_duration(condition.for_s)}"
        if condition.for_s
        else ""
    )
    if observed == "no answer":
        return f"{condition.probe} could not be seen{held_for}; it stops at {condition.condition}."
    return f"{condition.probe} is {observed}, and {condition.condition} stops the run{held_for}."


def _failures(
    condition: FailuresInARow, looks: Sequence[Sample], due: Sequence[datetime], now: datetime
) -> Stop | None:
    row = 0
    for look in reversed(looks):
        if look.ok is True:
            break
        row += 1
    count = row + len(due)  # a look that did not even come back failed as well
    if count < condition.times:
        return None
    since = looks[-row].at if row else next(iter(due), now)
    reason = f"{condition.probe} failed {count} times in a row, and {condition.times} stop the run."
    return Stop("condition", reason, since, Evidence(f"{count} in a row", f"{condition.times}"), condition)


def _percentile(
    condition: PercentileCondition,
    looks: Sequence[Sample],
    due: Sequence[datetime],
    *,
    injected_at: datetime,
    now: datetime,
) -> Stop | None:
    over = timedelta(seconds=condition.over_s)
    if now - injected_at < over:
        return None
    worst = math.inf if condition.condition.operator.startswith(">") else -math.inf
    recent = [look for look in looks if look.at > now - over]
    unseen = [at for at in due if at > now - over]
    values = [look.value or 0.0 if answered(look) else worst for look in recent] + [worst for _ in unseen]
    if not values:
        return None  # a slow probe, whose look is not due yet
    value = sorted(values)[max(0, math.ceil(condition.percentile / 100 * len(values)) - 1)]
    if not condition.condition.holds(value):
        return None
    shown = f"{value:g}" if math.isfinite(value) else "no answer"
    what = f"p{condition.percentile:g} of {condition.probe} over {format_duration(condition.over_s)}"
    reason = f"{what} is {shown}, and {condition.condition} stops the run."
    since = recent[0].at if recent else unseen[0]
    return Stop("condition", reason, since, Evidence(shown, f"{condition.condition}"), condition)
