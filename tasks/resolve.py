"""Find out what the target is now, and plan each fault on it. Nothing is changed."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from tasks import own_tickets
from tasks.live_run import LiveRun
from tasks.opening import refuse_known_secrets
from tasks.outlook import Outlook
from tasks.planning import Plan
from tasks.secret_values import from_cluster
from tasks.step import Ending, step
from windtunnel.clients import installation, targets
from windtunnel.clients.cluster import connect
from windtunnel.clients.targets import ResolvedTarget
from windtunnel.faults.shape import Fault, Planning
from windtunnel.model.record import EventKind

Findable = LiveRun | Outlook
MARGIN_S = 60.0  # what prechecks, baseline and undo may take beyond what the experiment asks for


@step("resolve")
def resolve(run: LiveRun) -> Ending:
    """Connect to the cluster, resolve the target, and choose the victims with the run's seed."""
    find_target(run)
    refuse_known_secrets(run.request)  # by now, those of the cluster are known as well
    chosen = [str(ref) for plan in run.plans for ref in plan.ticket.targets]
    message = f"{run.experiment.target}: {len(run.target.pods)} pods, {len(run.target.nodes)} nodes; " + (
        f"chosen {', '.join(chosen[:10])}" if chosen else "nothing chosen"
    )
    run.happened(
        EventKind.TARGETS,
        message,
        chosen=chosen,
        candidates=len(run.target.candidates),
        nodes=len(run.target.nodes),
        faults=[plan.fault.name for plan in run.plans],
    )
    return Ending(go_on=True, name="Resolved", message=message)


def find_target(run: Findable) -> None:
    """Connect, resolve the target, and prepare each fault on it.

    Raises:
        WindtunnelError: the cluster, the target or a fault's preparation does not allow it.
    """
    run.cluster = connect(installation.cluster_entry(run.policy, run.experiment.target.cluster))
    run.secrets = {**run.secrets, **from_cluster(run.experiment, run.cluster)}
    run.target = targets.resolve(run.experiment.target, run.cluster)
    run.plans = ()
    for spec in run.experiment.faults:
        run.plans = (*run.plans, _plan(run, run.load_fault(spec.name), spec.parameters))


def _plan(run: Findable, fault: Fault, parameters: Mapping[str, Any]) -> Plan:
    now = run.clock.now()
    lasts_s = run.experiment.duration_s + run.experiment.recover_within_s + MARGIN_S
    planning = Planning(
        run_id=run.run_id,
        cluster=run.cluster,
        target=_without_victims(run),
        rng=run.rng,
        now=now,
        expires_at=now + timedelta(seconds=lasts_s),
    )
    ticket = fault.prepare(planning, parameters)
    own_tickets.refuse_secrets(ticket)
    number = 1 + sum(plan.ticket.fault == ticket.fault for plan in run.plans)
    return Plan(fault=fault, ticket=replace(ticket, number=number))


def _without_victims(run: Findable) -> ResolvedTarget:
    """Return the target without the pods that an earlier fault of this run takes: none can be hit twice."""
    taken = {ref.uid for plan in run.plans for ref in plan.ticket.targets if ref.kind == "Pod"}
    return replace(run.target, pods=tuple(pod for pod in run.target.pods if pod.uid not in taken))
