"""Gather what the guardrails must know: in parallel, each with a time limit and its own time."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

from guardrails.facts import ACTIVE_RUNS, HALT, RIGHTS, TARGET, ActiveRuns, Facts, HaltLever, Rights
from tasks.blast_radius import summarise
from tasks.live_run import LiveRun
from windtunnel.clients import halt, lease, tickets
from windtunnel.clients.own_namespace import NAMESPACE
from windtunnel.faults.rights import OWN, missing_rights
from windtunnel.model.decision import Fact
from windtunnel.model.errors import WindtunnelError
from windtunnel.model.forms import from_stamp

LIMIT_S = 10.0  # for each fact; a slower one is unknown, and unknown refuses

Gather = Callable[[LiveRun], object]


def halt_lever(run: LiveRun) -> HaltLever:
    """Read the safety lever on the target's cluster."""
    lever = halt.read(run.cluster)
    return HaltLever(
        pulled=lever.pulled,
        reason=lever.reason,
        by=lever.by,
        pulled_at=from_stamp(lever.at) if lever.at else None,
    )


def active_runs(run: LiveRun) -> ActiveRuns:
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


def rights(run: LiveRun) -> Rights:
    """Ask the cluster which of the rights that the planned faults need this account lacks."""
    rules = dict.fromkeys(rule for plan in run.plans for rule in plan.fault.rbac)
    lacking = missing_rights(run.cluster, rules, run.experiment.target.namespace)
    return Rights(missing=(*lacking, *missing_rights(run.cluster, OWN, NAMESPACE)))


GATHERERS: Mapping[str, Gather] = {
    HALT.name: halt_lever,
    TARGET.name: summarise,
    ACTIVE_RUNS.name: active_runs,
    RIGHTS.name: rights,
}


def gather(run: LiveRun, names: Iterable[str], *, limit_s: float = LIMIT_S) -> Facts:
    """Observe the facts called *names* at once; whatever fails or takes too long is kept with its error."""
    pool = ThreadPoolExecutor(max_workers=len(GATHERERS), thread_name_prefix="fact")
    try:
        asked = {name: pool.submit(GATHERERS[name], run) for name in sorted(names)}
        return Facts({name: _fact(run, answer, limit_s) for name, answer in asked.items()})
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # one that hangs must not hold the run


def _fact(run: LiveRun, answer: Future[object], limit_s: float) -> Fact[Any]:
    try:
        value = answer.result(timeout=limit_s)
    except FutureTimeoutError:
        return Fact(observed_at=run.clock.now(), error=f"no answer within {limit_s:g} s")
    except WindtunnelError as error:
        return Fact(observed_at=run.clock.now(), error=str(error))
    except Exception as error:  # noqa: BLE001 - a gatherer that breaks makes its fact unknown, which refuses
        return Fact(observed_at=run.clock.now(), error=f"{type(error).__name__}: {error}")
    return Fact(observed_at=run.clock.now(), value=value)
