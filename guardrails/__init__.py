"""May it start, must it stop: pure functions from policy, experiment, facts and now to a Decision.

Belongs here: one file per guardrail and the list that orders them. Does not belong here: I/O, a clock,
Prefect. What cannot be known is UNKNOWN, and UNKNOWN never lets a run start.

To add a guardrail: write a file with NAME, NEEDS (names of the facts it reads) and `decide`, add its line to
CHAIN, and a section to docs/guardrails.md. The order is that of messages alone: all are always asked.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from guardrails import (
    blackout,
    caps,
    clock,
    disruption_budgets,
    error_budget,
    freeze,
    frequency,
    halt,
    health,
    incidents,
    last_replica,
    neighbours,
    opt_in,
    protected,
    rights,
    target_ready,
    window,
)
from guardrails.answers import unknown
from guardrails.blackout import CALENDARS
from guardrails.clock import SKEW
from guardrails.error_budget import BUDGET, SPENT
from guardrails.facts import ACTIVE_RUNS, HALT, RIGHTS, TARGET, FactKey, Facts, Unusable
from guardrails.freeze import FREEZE
from guardrails.frequency import HISTORY
from guardrails.health import HEALTH
from guardrails.incidents import ALERTS, PAGERDUTY
from guardrails.neighbours import NEIGHBOURS
from windtunnel.model.decision import Decision
from windtunnel.model.experiment import Experiment
from windtunnel.model.policy import Policy


class Guardrail(Protocol):
    """What each file of this package offers."""

    NAME: str
    NEEDS: tuple[str, ...]

    def decide(self, policy: Policy, experiment: Experiment, facts: Facts, now: datetime) -> Decision:
        """Say whether the run may start at *now*, and why."""


CHAIN: tuple[Guardrail, ...] = (
    halt,
    clock,
    window,
    blackout,
    freeze,
    incidents,
    error_budget,
    health,
    protected,
    opt_in,
    caps,
    last_replica,
    disruption_budgets,
    target_ready,
    neighbours,
    frequency,
    rights,
)


KEYS: tuple[FactKey[Any], ...] = (
    HALT,
    SKEW,
    CALENDARS,
    FREEZE,
    PAGERDUTY,
    ALERTS,
    BUDGET,
    SPENT,
    HEALTH,
    TARGET,
    ACTIVE_RUNS,
    NEIGHBOURS,
    HISTORY,
    RIGHTS,
)
"""Every fact that some guardrail reads; `tasks.facts` gathers each."""

# What may have changed in the seconds since, looked at once more just before injecting. Rights are not asked
# twice: a right that is lost in between shows as a refusal of the injection itself.
LAST_MOMENT: tuple[Guardrail, ...] = tuple(guardrail for guardrail in CHAIN if guardrail is not rights)


def decide_all(
    policy: Policy, experiment: Experiment, facts: Facts, now: datetime, *, chain: Sequence[Guardrail] = CHAIN
) -> tuple[Decision, ...]:
    """Ask every guardrail and return every answer; the run's outcome is the worst (model.decision.worst)."""
    return tuple(_ask(guardrail, policy, experiment, facts, now) for guardrail in chain)


def facts_needed(chain: Sequence[Guardrail] = CHAIN) -> frozenset[str]:
    """Return the names of all facts that somebody must gather for *chain*."""
    return frozenset(name for guardrail in chain for name in guardrail.NEEDS)


def _ask(
    guardrail: Guardrail, policy: Policy, experiment: Experiment, facts: Facts, now: datetime
) -> Decision:
    try:
        return guardrail.decide(policy, experiment, facts, now)
    except Exception as error:  # noqa: BLE001 - a guardrail that breaks must refuse, and say that it broke
        return unknown(guardrail.NAME, Unusable(f"it failed with {type(error).__name__}: {error}"))
