"""Gather what the guardrails must know: in parallel, each with a time limit and its own time."""

import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from guardrails.facts import ACTIVE_RUNS, HALT, RIGHTS, TARGET, ActiveRuns, Facts, HaltLever, Rights
from tasks.blast_radius import summarise
from tasks.prospect import Prospect
from windtunnel.clients import halt, lease, tickets
from windtunnel.clients.own_namespace import NAMESPACE
from windtunnel.clock import Clock
from windtunnel.faults.rights import OWN, missing_rights
from windtunnel.model.decision import Fact
from windtunnel.model.errors import WindtunnelError
from windtunnel.model.forms import from_stamp
from windtunnel.model.policy import Policy

LIMIT_S = 10.0  # for all facts of one look; what is slower is unknown, and unknown refuses

Gather = Callable[[Prospect, Policy], object]
"""Observes one fact. What the fact depends on in the policy is taken from the policy given, not the run's."""


def halt_lever(run: Prospect, _policy: Policy) -> HaltLever:
    """Read the safety lever on the target's cluster."""
    lever = halt.read(run.cluster)
    return HaltLever(
        pulled=lever.pulled,
        reason=lever.reason,
        by=lever.by,
        pulled_at=from_stamp(lever.at) if lever.at else None,
    )


def target(run: Prospect, _policy: Policy) -> object:
    """Count and name what would be hit."""
    return summarise(run)


def active_runs(run: Prospect, _policy: Policy) -> ActiveRuns:
    """Name every other run that holds a lease or has an open undo ticket on this cluster."""
    now = run.clock.now()
    holders = {
        str(found["spec"].get("holderIdentity"))
        for found in run.cluster.list("Lease", NAMESPACE)
        if (until := lease.held_until(found)) is not None and until > now
    }
    open_runs = {  # a ticket that cannot be read is somebody's all the same
        found.ticket.run_id if found.ticket else found.name for found in tickets.list_open(run.cluster)
    }
    return ActiveRuns(run_ids=tuple(sorted((holders | open_runs) - {run.run_id})))


def rights(run: Prospect, _policy: Policy) -> Rights:
    """Ask the cluster which of the rights that the planned faults need this account lacks."""
    rules = dict.fromkeys(rule for plan in run.plans for rule in plan.fault.rbac)
    lacking = missing_rights(run.cluster, rules, run.experiment.target.namespace)
    return Rights(missing=(*lacking, *missing_rights(run.cluster, OWN, NAMESPACE)))


GATHERERS: Mapping[str, Gather] = {
    HALT.name: halt_lever,
    TARGET.name: target,
    ACTIVE_RUNS.name: active_runs,
    RIGHTS.name: rights,
}


def gather(
    run: Prospect, names: Iterable[str], *, policy: Policy | None = None, limit_s: float = LIMIT_S
) -> Facts:
    """Observe the facts called *names* at once; whatever fails or takes too long is kept with its error.

    Each is stamped with the time at which its observation began: it may be old when it arrives. One that
    hangs is left behind in its thread; it must not hold the run.
    """
    known = policy or run.policy
    gatherers = run.gatherers or GATHERERS
    found: dict[str, Fact[Any]] = {}
    began = run.clock.now()
    threads = []
    for name in sorted(names):
        looking = threading.Thread(
            target=_keep, args=(found, name, gatherers[name], run, known), name=f"fact-{name}", daemon=True
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
