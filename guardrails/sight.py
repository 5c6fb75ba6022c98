"""Sight: a run that nobody can see any more is stopped, whatever its abort conditions say. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from guardrails.stop import Stop
from windtunnel.model.decision import Evidence
from windtunnel.model.duration import format_duration
from windtunnel.model.experiment import Experiment, Probe
from windtunnel.model.policy import Policy
from windtunnel.model.record import Sample


def blind(
    policy: Policy, experiment: Experiment, samples: Sequence[Sample], *, injected_at: datetime, now: datetime
) -> tuple[Stop, ...]:
    """Return a stop for every probe without an answer for the shortest `blind_after` of all policies.

    The time runs from when an answer was due: an interval after the last one came, and not before the
    injection. A probe may take the whole of its own time limit for a look, whatever the policy says.
    """
    limit_s = min(each.blind_after_s for each in policy.stack)
    found = (
        _blind(
            probe, [s for s in samples if s.probe == probe.name], limit_s, injected_at=injected_at, now=now
        )
        for probe in experiment.steady_state
    )
    return tuple(stop for stop in found if stop)


def _blind(
    probe: Probe, looks: Sequence[Sample], limit_s: float, *, injected_at: datetime, now: datetime
) -> Stop | None:
    last = next((look for look in reversed(looks) if look.ok is not None), None)
    due = last.at + timedelta(seconds=last.took_s + probe.interval_s) if last else injected_at
    since = max(due, injected_at)
    unseen_s = (now - since).total_seconds()
    limit_s = max(limit_s, probe.timeout_s)
    if unseen_s < limit_s:
        return None
    error = next((look.error for look in reversed(looks) if look.error), "")
    reason = (
        f"{probe.name} has had no answer for {format_duration(round(unseen_s, 1))} "
        f">= {format_duration(limit_s)}{f': {error}' if error else ''}"
    )
    evidence = Evidence(f"{unseen_s:.0f}s without an answer", format_duration(limit_s))
    return Stop("sight", reason if reason.endswith(".") else f"{reason}.", since, evidence)
