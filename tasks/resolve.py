"""Find out what the target is now, and plan each fault on it. Nothing is changed."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tasks.live_run import LiveRun, Plan
from tasks.step import Ending, step
from windtunnel.clients import installation, targets
from windtunnel.clients.cluster import connect
from windtunnel.faults import load_fault
from windtunnel.faults.shape import Planning
from windtunnel.model.record import EventKind

MARGIN_S = 60.0  # what prechecks, baseline and undo may take beyond what the experiment asks for


@step("resolve")
def resolve(run: LiveRun) -> Ending:
    """Connect to the cluster, resolve the target, and choose the victims with the run's seed."""
    run.cluster = connect(installation.cluster_entry(run.policy, run.experiment.target.cluster))
    run.target = targets.resolve(run.experiment.target, run.cluster)
    run.plans = tuple(_plan(run, spec.name, spec.parameters) for spec in run.experiment.faults)
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


def _plan(run: LiveRun, name: str, parameters: Mapping[str, Any]) -> Plan:
    fault = load_fault(name)
    now = run.clock.now()
    lasts_s = run.experiment.duration_s + run.experiment.recover_within_s + MARGIN_S
    planning = Planning(
        run_id=run.run_id,
        cluster=run.cluster,
        target=run.target,
        rng=run.rng,
        now=now,
        expires_at=now + timedelta(seconds=lasts_s),
    )
    return Plan(fault=fault, ticket=fault.prepare(planning, parameters))
