"""Disruption budgets: a run takes no more pods away than Kubernetes itself would be allowed to evict."""

from datetime import datetime

from guardrails.answers import allow, deny, unknown
from guardrails.facts import TARGET, Facts, Unusable
from windtunnel.model.decision import Decision
from windtunnel.model.experiment import Experiment
from windtunnel.model.policy import Policy

NAME = "disruption_budgets"
NEEDS: tuple[str, ...] = (TARGET.name,)


def decide(policy: Policy, experiment: Experiment, facts: Facts, now: datetime) -> Decision:  # noqa: ARG001 - one shape for all
    """Refuse a run that needs more than any PodDisruptionBudget allows at this moment.

    Deleting a pod goes past its budgets (only an eviction asks them), which is why they are asked here.
    """
    target = facts.read(TARGET, now=now)
    if isinstance(target, Unusable):
        return unknown(NAME, target)
    short = [
        f"{each.budget} allows {each.allowed} < {each.needed} needed"
        for each in target.disruptions
        if not each.stale and each.needed > each.allowed
    ]
    stale = [
        f"{each.budget} is not computed for its latest form" for each in target.disruptions if each.stale
    ]
    observed = ", ".join(f"{each.budget}: {each.needed} needed" for each in target.disruptions)
    limit = ", ".join(f"{each.budget}: {each.allowed} allowed" for each in target.disruptions)
    if short:
        told = "; ".join((*short, *stale))
        return deny(NAME, f"Over a disruption budget: {told}.", observed=observed, limit=limit)
    if stale:
        return unknown(NAME, Unusable("; ".join(stale)))
    told = (
        "Within every disruption budget."
        if target.disruptions
        else "No disruption budget covers what is hit."
    )
    return allow(NAME, told, observed=observed, limit=limit)
