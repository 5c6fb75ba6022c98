"""The safety lever: while somebody has pulled it, nothing starts."""

from datetime import datetime

from guardrails.answers import allow, deny, unknown
from guardrails.facts import HALT, Facts, Unusable
from guardrails.stop import Stop
from windtunnel.model.decision import Decision, Evidence
from windtunnel.model.experiment import Experiment
from windtunnel.model.policy import Policy

NAME = "halt"
NEEDS: tuple[str, ...] = (HALT.name,)


def decide(policy: Policy, experiment: Experiment, facts: Facts, now: datetime) -> Decision:  # noqa: ARG001 - one shape for all
    """Refuse while the lever is pulled, or cannot be read."""
    lever = facts.read(HALT, now=now)
    if isinstance(lever, Unusable):
        return unknown(NAME, lever)
    if not lever.pulled:
        return allow(NAME, "The safety lever is released.", observed="released", limit="released")
    return deny(
        NAME,
        f"The safety lever is pulled{_by(lever.by)}: {lever.reason or 'no reason given'}. "
        f"Once it is safe, let experiments run again with `windtunnel resume{_where(experiment)}`.",
        observed=f"pulled: {lever.where}" if lever.where else "pulled",
        limit="released",
        until=lever.until,
    )


def stops(policy: Policy, experiment: Experiment, facts: Facts, now: datetime) -> tuple[Stop, ...]:  # noqa: ARG001 - one shape for all
    """Stop a run when the lever is pulled or cannot be read; a good reading counts until it is old."""
    lever = facts.read(HALT, now=now)
    if isinstance(lever, Unusable):
        reason = f"The safety lever counts as pulled: {lever.reason}."
        return (Stop("halt", reason, now, Evidence("unknown", "released")),)
    if not lever.pulled:
        return ()
    reason = f"The safety lever was pulled{_by(lever.by)}: {lever.reason or 'no reason given'}."
    return (Stop("halt", reason, lever.pulled_at or now, Evidence("pulled", "released")),)


def _where(experiment: Experiment) -> str:
    return f" --cluster {experiment.target.cluster}" if experiment.target.cluster else ""


def _by(name: str) -> str:
    return f" by {name}" if name else ""
