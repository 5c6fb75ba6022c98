"""Rights: the account must be allowed to do all that inject and undo will do, before it does any of it."""

from datetime import datetime

from guardrails.answers import allow, deny, unknown
from guardrails.facts import RIGHTS, Facts, Unusable
from windtunnel.model.decision import Decision
from windtunnel.model.experiment import Experiment
from windtunnel.model.policy import Policy

NAME = "rights"
NEEDS: tuple[str, ...] = (RIGHTS.name,)
_SHOWN = 5


def decide(policy: Policy, experiment: Experiment, facts: Facts, now: datetime) -> Decision:  # noqa: ARG001 - one shape for all
    """Refuse when the cluster says that any right of the faults' RBAC tables is missing."""
    rights = facts.read(RIGHTS, now=now)
    if isinstance(rights, Unusable):
        return unknown(NAME, rights)
    if not rights.missing:
        return allow(NAME, "The account may do all that the faults and their undo need.")
    shown = ", ".join(rights.missing[:_SHOWN])
    more = len(rights.missing) - _SHOWN
    listed = shown + (f" and {more} more" if more > 0 else "")
    return deny(
        NAME,
        f"The account may not {listed}; give it the rights that docs/faults.md lists.",
        observed=f"{len(rights.missing)} missing",
        limit="none missing",
    )
