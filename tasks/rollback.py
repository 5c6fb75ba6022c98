"""Take back whatever was injected: last in, first out, past errors."""

from dataclasses import asdict

from tasks.live_run import LiveRun, Plan
from tasks.step import Ending, step
from windtunnel.clients import tickets
from windtunnel.ledger import TicketState
from windtunnel.model.errors import LedgerError, WindtunnelError
from windtunnel.model.record import EventKind, Phase
from windtunnel.model.ticket import StepReport, UndoReport, UndoState

_ORDER = list(UndoState)


def rollback(run: LiveRun) -> None:
    """Undo everything, as a Prefect task if Prefect can, and in any case."""
    if not run.injected:
        return
    try:
        _rollback(run)
    finally:
        undo(run)  # does nothing when the task has done it


@step("rollback")
def _rollback(run: LiveRun) -> Ending:
    """Undo every ticket, read the cluster again to verify, and report."""
    state = undo(run)
    clean = state is UndoState.CLEAN
    name = "Undone" if clean else "UndoFailed"
    return Ending(go_on=clean, name=name, message=f"Undo: {state}.", failed=not clean)


def undo(run: LiveRun) -> UndoState:
    """Undo every ticket that is open, then put on record what was done, and return the worst state.

    The cluster comes first: a ledger that is lost in the meantime is raised at the end, not before.
    """
    if run.undone:
        return UndoState.CLEAN
    run.undone = True
    lost: list[LedgerError] = []
    _record(run, lost, EventKind.UNDO_STARTED, f"Undoing {', '.join(_names(run))}.")
    reports = [(plan, plan.fault.undo(run.cluster, plan.ticket)) for plan in reversed(run.injected)]
    for plan, report in reports:
        for done in (*report.steps, *_close_ticket(run, plan, report)):
            _record(run, lost, EventKind.UNDONE, _sentence(done), **asdict(done), ticket=report.ticket_id)
    worst = max((report.state for _, report in reports), key=_ORDER.index)
    run.sampler.phase = Phase.RECOVERY
    told = "All is back as it was, as read from the cluster." if worst is UndoState.CLEAN else _left(worst)
    _record(run, lost, EventKind.UNDO_FINISHED, told, state=str(worst))
    if lost:
        raise lost[0]
    return worst


def _close_ticket(run: LiveRun, plan: Plan, report: UndoReport) -> tuple[StepReport, ...]:
    """Close both copies of the ticket. One that stays open is undone once more by the janitor: no harm."""
    ticket = plan.ticket
    clean = report.state is UndoState.CLEAN
    detail = "; ".join(step.error for step in report.steps if step.error)
    try:
        for state in (TicketState.PREPARED, TicketState.INJECTED):
            run.ledger.move_ticket(ticket.id, expect=state, to=TicketState.UNDOING)
        end = TicketState.UNDONE if clean else TicketState.FAILED
        run.ledger.move_ticket(ticket.id, expect=TicketState.UNDOING, to=end, detail=detail)
        if clean:
            tickets.delete(run.cluster, ticket)
        else:
            tickets.mark(run.cluster, ticket, TicketState.FAILED)
    except WindtunnelError as error:
        return (StepReport(what=f"close the undo ticket {ticket.id}", done=False, error=str(error)),)
    return ()


def _record(run: LiveRun, lost: list[LedgerError], kind: EventKind, message: str, **data: object) -> None:
    try:
        run.happened(kind, message, **data)
    except LedgerError as error:
        lost.append(error)


def _names(run: LiveRun) -> list[str]:
    return [plan.fault.name for plan in reversed(run.injected)]


def _left(worst: UndoState) -> str:
    return f"Undo is {worst}: something may be left behind; see the steps of the undo in the report."


def _sentence(done: StepReport) -> str:
    if done.error:
        return f"{done.what}: {done.error}"
    return f"{done.what}: left alone, {done.drift}" if done.drift else done.what
