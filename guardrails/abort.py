"""Must it stop: pure decisions while a fault is active.

`breaches` looks at the samples, `must_stop` at the lever and the hours. Each answer is a `Stop`, which says
what stops the run (the `by` of the record's abort event), since when it is so, and both numbers.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from guardrails import blackout
from guardrails.facts import HALT, Facts, Unusable
from guardrails.hours import open_spans, show
from guardrails.stop import Stop
from guardrails.window import allowed_windows, describe_all
from windtunnel.model.decision import Evidence
from windtunnel.model.duration import format_duration
from windtunnel.model.experiment import AbortCondition, Experiment, Probe
from windtunnel.model.policy import Policy
from windtunnel.model.record import Phase, Sample

_NO_TIME = timedelta(0)


def conditions(policy: Policy, experiment: Experiment) -> tuple[AbortCondition, ...]:
    """Return what stops a run: the conditions of experiment and policy, each once."""
    return tuple(dict.fromkeys((*experiment.abort_when, *policy.abort_when)))


def breaches(
    policy: Policy, experiment: Experiment, samples: Sequence[Sample], *, injected_at: datetime, now: datetime
) -> tuple[Stop, ...]:
    """Return every abort condition that holds at *now*, given *samples* in the order of time.

    Only samples of the phase `during` count. A look without an answer (or without a number) satisfies a
    condition as a bad number does, and so does a probe that has been silent for longer than its interval
    and time limit: what cannot be seen must stop. The hold time runs from the first bad look of an unbroken
    row to *now*.
    """
    probes = {probe.name: probe for probe in experiment.steady_state}
    found = (
        _breach(condition, probes.get(condition.probe), samples, injected_at=injected_at, now=now)
        for condition in conditions(policy, experiment)
    )
    return tuple(stop for stop in found if stop is not None)


def must_stop(policy: Policy, experiment: Experiment, facts: Facts, now: datetime) -> tuple[Stop, ...]:
    """Return why a running experiment must stop that has nothing to do with its samples.

    The lever is pulled or cannot be read (the last good reading counts until it is too old), the window has
    closed, or a blackout has begun.
    """
    stops: list[Stop] = []
    lever = facts.read(HALT, now=now)
    if isinstance(lever, Unusable):
        reason = f"The safety lever counts as pulled: {lever.reason}."
        stops.append(Stop("halt", reason, now, Evidence("unknown", "released")))
    elif lever.pulled:
        who = f" by {lever.by}" if lever.by else ""
        reason = f"The safety lever was pulled{who}: {lever.reason or 'no reason given'}."
        stops.append(Stop("halt", reason, lever.pulled_at or now, Evidence("pulled", "released")))
    stops += _closed(policy, experiment, now)
    stops += _begun_blackouts(policy, now)
    return tuple(stops)


def _breach(
    condition: AbortCondition,
    probe: Probe | None,
    samples: Sequence[Sample],
    *,
    injected_at: datetime,
    now: datetime,
) -> Stop | None:
    row = _bad_row(condition, samples)
    latest = next(
        (s for s in reversed(samples) if s.probe == condition.probe and s.phase is Phase.DURING), None
    )
    silent_from = _silent_from(probe, latest, injected_at=injected_at, now=now)
    if row:
        since, observed = row[0].at, _observed(row[-1])
    elif silent_from is not None:
        since, observed = silent_from, "no answer"
    else:
        return None
    held = (now - since).total_seconds()
    if held < condition.for_s:
        return None
    evidence = Evidence(observed, f"{condition.condition}")
    return Stop("condition", _sentence(condition, observed, held), since, evidence, condition)


def _bad_row(condition: AbortCondition, samples: Sequence[Sample]) -> list[Sample]:
    """Return the unbroken row of bad looks at the end, oldest first."""
    row: list[Sample] = []
    for sample in reversed(samples):
        if sample.probe != condition.probe or sample.phase is not Phase.DURING:
            continue
        if _answered(sample) and not condition.condition.holds(sample.value or 0.0):
            break
        row.append(sample)
    return row[::-1]


def _answered(sample: Sample) -> bool:
    """Say whether the look gave a number; NaN is none."""
    return sample.ok is not None and sample.value is not None and not math.isnan(sample.value)


def _silent_from(
    probe: Probe | None, latest: Sample | None, *, injected_at: datetime, now: datetime
) -> datetime | None:
    """Return when the next look was due, if it is so late that even its time limit has passed."""
    if probe is None:
        return injected_at  # a condition on a probe that is not looked at can never be seen not to hold
    due = latest.at + timedelta(seconds=probe.interval_s) if latest else injected_at
    return due if now - due > timedelta(seconds=probe.timeout_s + probe.interval_s) else None


def _observed(sample: Sample) -> str:
    return f"{sample.value:g}" if sample.value is not None and _answered(sample) else "no answer"


def _sentence(condition: AbortCondition, observed: str, held: float) -> str:
    held_for = (
        f", for {format_duration(round(held, 1))} >= {format_duration(condition.for_s)}"
        if condition.for_s
        else ""
    )
    if observed == "no answer":
        return f"{condition.probe} could not be seen{held_for}; it stops at {condition.condition}."
    return f"{condition.probe} is {observed}, and {condition.condition} stops the run{held_for}."


def _closed(policy: Policy, experiment: Experiment, now: datetime) -> Iterable[Stop]:
    if not policy.windows:
        return
    windows = allowed_windows(policy, experiment)
    spans = open_spans(windows, around=now, lasting=_NO_TIME)
    if any(span.holds(now) for span in spans):
        return
    closed = max((span.end for span in spans if span.end <= now), default=now)
    shown = describe_all(windows) or f"no window named {experiment.schedule.window}"
    yield Stop(
        "window", f"The window has closed: {shown}.", closed, Evidence(show(now, policy.timezone), shown)
    )


def _begun_blackouts(policy: Policy, now: datetime) -> Iterable[Stop]:
    for entry in policy.blackouts:
        start, end = blackout.span(entry)
        if start <= now < end:
            reason = f"A blackout has begun: {entry.reason or 'no reason given'}."
            yield Stop(
                "window", reason, start, Evidence(show(now, policy.timezone), show(end, policy.timezone))
            )
