"""The target's readiness: what is not whole, or is being changed by others, is not broken on top."""

from datetime import datetime

from guardrails.answers import allow, deny, unknown
from guardrails.facts import TARGET, Facts, Unusable
from windtunnel.model.decision import Decision
from windtunnel.model.experiment import Experiment
from windtunnel.model.policy import Policy

NAME = "target_ready"
NEEDS: tuple[str, ...] = (TARGET.name,)
_SHOWN = 5


def decide(policy: Policy, experiment: Experiment, facts: Facts, now: datetime) -> Decision:  # noqa: ARG001 - one shape for all
    """Refuse while a workload that is hit rolls out or lacks replicas, or a node under it is not well."""
    target = facts.read(TARGET, now=now)
    if isinstance(target, Unusable):
        return unknown(NAME, target)
    troubles = [f"{name}: {state.trouble}" for name, state in sorted(target.states.items()) if state.trouble]
    troubles += [f"node {name}: {trouble}" for name, trouble in sorted(target.node_troubles.items())]
    if not troubles:
        return allow(NAME, "The target and its nodes are ready, and nothing rolls out.")
    more = len(troubles) - _SHOWN
    told = "; ".join(troubles[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
    return deny(NAME, f"Not ready: {told}.", observed=f"{len(troubles)} not ready", limit="all ready")
