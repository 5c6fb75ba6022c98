"""Break it: ticket in both homes first, then the change, once."""

from tasks import own_tickets
from tasks.baseline import baseline_findings
from tasks.history_facts import count, uncount
from tasks.live_run import LiveRun
from tasks.planning import Plan
from tasks.precheck import recheck, refuse
from tasks.step import Ending, step
from tasks.stopping import Stop
from windtunnel.clients import holding
from windtunnel.ledger import TicketState
from windtunnel.model.errors import ClusterError, FaultError
from windtunnel.model.record import EventKind, Phase


@step("inject")
def inject(run: LiveRun) -> Ending:
    """Check lever, window, blast radius and steady state a last time, then inject in the file's order."""
    if stop := run.stopping.stop:
        run.happened(EventKind.ABORT, stop.message, by=stop.by)
        return Ending(go_on=False, name="Aborted", message=stop.message, failed=True)
    if refusal := recheck(run):
        return Ending(go_on=False, name="Refused", message=refusal, failed=True)
    if missed := unsteady(run):
        return Ending(go_on=False, name="Missed", message=missed, failed=True)
    try:
        return _inject_all(run)
    finally:
        run.inject_over = True


def unsteady(run: LiveRun) -> str:
    """Look at what the probes have seen up to now; record a miss and return its sentence, or ""."""
    findings = baseline_findings(run.samples.all(), run.experiment, settled=True)
    if not findings:
        return ""
    message = f"The steady state was lost before the fault: {findings[0]} Nothing was injected."
    run.happened(EventKind.BASELINE_MISSED, message, findings=list(findings))
    return message


def _inject_all(run: LiveRun) -> Ending:
    hit: list[str] = []
    for plan in run.plans:
        try:
            if against := count(run):
                return Ending(go_on=False, name="Refused", message=refuse(run, against), failed=True)
            if stop := _stop(run):  # also what was asked for while the checks above were made
                if not hit:
                    uncount(run)
                run.happened(EventKind.ABORT, stop.message, by=stop.by)
                return Ending(go_on=False, name="Aborted", message=stop.message, failed=True)
            hit += _inject(run, plan)
        except (FaultError, ClusterError) as error:
            return _not_injected(run, plan, error, hit)
    if not hit:
        uncount(run)
    return Ending(go_on=bool(hit), name="Injected", message=f"Hit {', '.join(hit[:10]) or 'nothing'}.")


def _not_injected(run: LiveRun, plan: Plan, error: FaultError | ClusterError, hit: list[str]) -> Ending:
    """Record the failure. A run that has certainly changed nothing does not count as one that injected."""
    in_part = [str(ref) for ref in error.hit] if isinstance(error, FaultError) else []
    certain = isinstance(error, FaultError) or run.injecting_since is None
    if certain and not (hit or in_part):
        uncount(run)
    failed = "was injected, in part or without a good answer" if in_part else "could not be injected"
    message = f"{plan.fault.name} {failed}: {error}"
    run.happened(EventKind.INJECT_FAILED, message, fault=plan.fault.name, hit=in_part)
    if stop := run.stopping.stop:  # it failed because it was asked to stop
        run.happened(EventKind.ABORT, stop.message, by=stop.by)
    return Ending(go_on=False, name="NotInjected", message=message, failed=True)


def _stop(run: LiveRun) -> Stop | None:
    """Say what forbids the change in this very moment: a reason to stop, or a lease that is lost."""
    try:
        why = holding.confirm(run.cluster, run.lease) if run.lease else "there is none"
    except ClusterError as error:
        why = str(error)
    if why:
        run.stop("lease", f"the leases of this run cannot be confirmed: {why}")
    return run.stopping.stop


def _inject(run: LiveRun, plan: Plan) -> list[str]:
    """Write the ticket down, then do what it says; undo is due from the moment the ticket exists."""
    ticket = plan.ticket
    own_tickets.refuse_secrets(ticket)
    run.ledger.save_ticket(ticket)
    run.injected.append(plan)  # from here on there is something to close, and perhaps to undo
    own_tickets.write(run, ticket)
    run.happened(EventKind.TICKET, f"Undo ticket {ticket.id} is written.", ticket=ticket.id)
    run.sampler.phase = Phase.DURING
    if run.injecting_since is None:
        run.injecting_since = run.clock.monotonic()
        run.injecting_at = run.clock.now()
    run.happened(EventKind.INJECTING, f"Injecting {plan.fault.name}.", fault=plan.fault.name)
    own_tickets.in_time(run, ticket)
    injection = plan.fault.inject(run.cluster, ticket, stop=run.stopping.event)
    own_tickets.confirm(run, ticket)
    run.ledger.move_ticket(ticket.id, expect=TicketState.PREPARED, to=TicketState.INJECTED)
    hit = [str(ref) for ref in injection.hit]
    run.happened(
        EventKind.INJECTED,
        injection.message,
        fault=plan.fault.name,
        hit=hit,
        planned=[str(ref) for ref in ticket.targets],
        missed=list(injection.missed),
    )
    return hit
