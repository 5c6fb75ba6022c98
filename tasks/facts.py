"""Gather what the guardrails must know: in parallel, each with a time limit and its own time."""

import threading
from collections.abc import Callable, Iterable, Mapping
from contextvars import copy_context
from datetime import datetime
from typing import Any

from guardrails.blackout import CALENDARS
from guardrails.clock import SKEW
from guardrails.error_budget import BUDGET, SPENT
from guardrails.facts import ACTIVE_RUNS, HALT, RIGHTS, TARGET, Facts
from guardrails.freeze import FREEZE
from guardrails.frequency import HISTORY
from guardrails.health import HEALTH
from guardrails.incidents import ALERTS, PAGERDUTY
from guardrails.neighbours import NEIGHBOURS
from tasks import cluster_facts
from tasks.budget_facts import budget_spent, error_budget, health
from tasks.calendar_facts import calendars
from tasks.freeze_facts import freezes
from tasks.history_facts import past
from tasks.incident_facts import alertmanager_alerts, pagerduty_incidents
from tasks.lever_facts import halt_lever
from tasks.neighbour_facts import neighbours
from tasks.one_look import OneLook
from tasks.prospect import Prospect
from windtunnel.clock import Clock
from windtunnel.model.decision import Fact
from windtunnel.model.errors import WindtunnelError
from windtunnel.model.policy import Policy

LIMIT_S = 10.0  # for all facts of one look; what is slower is unknown, and unknown refuses

Gather = Callable[[Prospect, Policy], object]
"""Observes one fact. What the fact depends on in the policy is taken from the policy given, not the run's."""


GATHERERS: Mapping[str, Gather] = {
    HALT.name: halt_lever,
    TARGET.name: cluster_facts.target,
    ACTIVE_RUNS.name: cluster_facts.active_runs,
    RIGHTS.name: cluster_facts.rights,
    SKEW.name: cluster_facts.clock_skew,
    CALENDARS.name: calendars,
    FREEZE.name: freezes,
    PAGERDUTY.name: pagerduty_incidents,
    ALERTS.name: alertmanager_alerts,
    BUDGET.name: error_budget,
    SPENT.name: budget_spent,
    HEALTH.name: health,
    NEIGHBOURS.name: neighbours,
    HISTORY.name: past,
}


OF_THE_POLICY = frozenset(
    key.name for key in (CALENDARS, FREEZE, PAGERDUTY, ALERTS, BUDGET, SPENT, HEALTH, HISTORY)
)
"""Facts whose sources a policy names; all others are the same for every policy above a run."""


def gather(
    run: Prospect, names: Iterable[str], *, policy: Policy | None = None, limit_s: float = LIMIT_S
) -> Facts:
    """Observe the facts called *names* at once; whatever fails or takes too long is kept with its error.

    Each is stamped with the time at which its observation began: it may be old when it arrives. One that
    hangs is left behind in its thread; it must not hold the run.
    """
    known = policy or run.policy
    gatherers = run.gatherers or GATHERERS
    look: Any = OneLook(run)
    found: dict[str, Fact[Any]] = {}
    began = run.clock.now()
    threads = []
    for name in sorted(names):
        looking = threading.Thread(  # in a copy of the context: Prefect keeps its settings there
            target=copy_context().run,
            args=(_keep, found, name, gatherers[name], look, known),
            name=f"fact-{name}",
            daemon=True,
        )
        looking.start()
        threads.append((name, looking))
    until = run.clock.monotonic() + limit_s
    for _, looking in threads:
        looking.join(max(0.0, until - run.clock.monotonic()))
    late: Fact[Any] = Fact(observed_at=began, error=f"no answer within {limit_s:g} s")
    return Facts({name: found.get(name, late) for name, _ in threads})


def _keep(found: dict[str, Fact[Any]], name: str, look: Gather, run: Prospect, policy: Policy) -> None:
    found[name] = observe_fact(lambda: look(run, policy), run.clock)


def observe_fact(look: Callable[[], object], clock: Clock) -> Fact[Any]:
    """Return what *look* finds, stamped with the time before it looked, or why it found nothing."""
    at: datetime = clock.now()
    try:
        return Fact(observed_at=at, value=look())
    except WindtunnelError as error:
        return Fact(observed_at=at, error=str(error))
    except Exception as error:  # noqa: BLE001 - a gatherer that breaks makes its fact unknown, which refuses
        return Fact(observed_at=at, error=f"{type(error).__name__}: {error}")
