"""The last replica: what serves alone is not taken away, unless the policy names it."""

from datetime import datetime

from guardrails.answers import allow, deny, unknown
from guardrails.facts import TARGET, Facts, Unusable
from windtunnel.model.decision import Decision
from windtunnel.model.experiment import Experiment
from windtunnel.model.policy import Policy

NAME = "last_replica"
NEEDS: tuple[str, ...] = (TARGET.name,)


def decide(policy: Policy, experiment: Experiment, facts: Facts, now: datetime) -> Decision:  # noqa: ARG001 - one shape for all
    """Refuse a run that would leave a workload without any pod that takes traffic."""
    target = facts.read(TARGET, now=now)
    if isinstance(target, Unusable):
        return unknown(NAME, target)
    emptied = [
        f"{name} has {state.ready} ready and would lose {state.planned}"
        for name, state in sorted(target.states.items())
        if state.planned and state.ready - state.planned < 1 and name not in policy.last_replica
    ]
    if not emptied:
        return allow(NAME, "Every workload that is hit keeps a ready replica.", limit="1 ready left of each")
    told = "; ".join(emptied)
    return deny(
        NAME,
        f"The last ready replica would be taken: {told}. If that is meant, name it under last_replica.",
        observed=told,
        limit="1 ready left of each",
    )
