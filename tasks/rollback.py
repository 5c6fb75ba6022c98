"""Take back whatever was injected: past errors, and again until it is done or the ticket expires."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict

from tasks import own_tickets
from tasks.live_run import LiveRun
from tasks.planning import Plan
from tasks.step import Ending, step
from windtunnel.clients import tickets
from windtunnel.ledger import TicketState
from windtunnel.model.errors import ClusterError, LedgerError
from windtunnel.model.record import Event, EventKind, Phase
from windtunnel.model.ticket import StepReport, UndoReport, UndoState
from windtunnel.undo.attempt import undone
from windtunnel.undo.escalation import call_at_once

PATIENCE_S = 30.0  # how long undo is tried at least; longer where the ticket expires later
PAUSE_S = 0.5  # after the first try; doubled after each, up to the longest
LONGEST_PAUSE_S = 5.0
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
    """Undo every ticket, put on record what was done, and return the worst state. Safe from any thread.

    The cluster comes first: the record may be slow or lost, and a ledger that is lost is raised at the end.
    """
    lost: list[LedgerError] = []
    with run.undoing:
        if run.undo_state is None:
            run.undone = True
            run.undo_state = _undo(run, lost)
    if lost:
        raise lost[0]
    return run.undo_state


def _undo(run: LiveRun, lost: list[LedgerError]) -> UndoState:
    plans = in_order(run.injected)
    began = _event(run, EventKind.UNDO_STARTED, f"Undoing {', '.join(plan.fault.name for plan in plans)}.")
    beside = threading.Thread(target=_record, args=(run, lost, began), name="undo-record", daemon=True)
    beside.start()  # a ledger that is slow or locked must not hold up the undo
    reports = [_undo_one(run, lost, plan) for plan in plans]
    run.sampler.phase = Phase.RECOVERY
    beside.join()
    for report in reports:
        for done in report.steps:
            _record(run, lost, _step_event(run, report, done))
        _close_in_ledger(run, lost, report)
    worst = max((report.state for report in reports), key=_ORDER.index, default=UndoState.CLEAN)
    told = _left(worst) if worst is not UndoState.CLEAN else _back(reports)
    _record(run, lost, _event(run, EventKind.UNDO_FINISHED, told, state=str(worst)))
    return worst


def in_order(injected: Sequence[Plan]) -> tuple[Plan, ...]:
    """Return what to undo first: last in, first out; but what only waits and verifies holds up nobody."""
    last_in_first_out = injected[::-1]
    restoring = [plan for plan in last_in_first_out if plan.ticket.steps]
    return (*restoring, *(plan for plan in last_in_first_out if not plan.ticket.steps))


def _undo_one(run: LiveRun, lost: list[LedgerError], plan: Plan) -> UndoReport:
    """Undo one ticket and close it; where that fails, try again while the ticket lasts.

    Nothing else undoes it as long as this process lives, and a network or a right may come back.
    """
    lasts_s = (plan.ticket.expires_at - plan.ticket.created_at).total_seconds()
    now = run.clock.monotonic()
    until = max(now + PATIENCE_S, (run.injecting_since or now) + lasts_s)
    pause_s, told = PAUSE_S, False
    while True:
        report = _try(run, plan)
        if report.state is UndoState.CLEAN or run.clock.monotonic() + pause_s >= until:
            break
        if not told:
            told = True
            for failed in (step for step in report.steps if not step.done):
                _record(run, lost, _step_event(run, report, failed, again=True))
        run.clock.wait(pause_s)
        pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)
    if report.state is UndoState.CLEAN:
        return report
    return _left_behind(run, plan, report)


def _left_behind(run: LiveRun, plan: Plan, report: UndoReport) -> UndoReport:
    """Leave the ticket to the janitor, and call people at once."""
    why = "; ".join(step.error for step in report.steps if step.error)
    told = _with(report, lambda: tickets.fail(run.cluster, plan.ticket, why, at=run.clock.now()))
    left = own_tickets.seen(run, plan.ticket)
    for untold in call_at_once(run.cluster, left, why, now=run.clock.now()):
        run.log.warning("Nobody could be called: %s", untold)
    return told


def _try(run: LiveRun, plan: Plan) -> UndoReport:
    """Undo and close the ticket once. A ticket left open would be undone again, over others' changes."""
    report = undone(run.cluster, plan.ticket, lambda _: plan.fault)
    if report.state is UndoState.CLEAN:
        return _with(report, lambda: tickets.delete(run.cluster, plan.ticket))
    return report


def _with(report: UndoReport, closing: Callable[[], object]) -> UndoReport:
    """Return *report* with a step more where closing the ticket on the cluster fails."""
    try:
        closing()
    except ClusterError as error:
        unclosed = StepReport(f"close the undo ticket {report.ticket_id}", done=False, error=str(error))
        return UndoReport(report.ticket_id, (*report.steps, unclosed))
    return report


def _close_in_ledger(run: LiveRun, lost: list[LedgerError], report: UndoReport) -> None:
    ticket_id = report.ticket_id
    detail = "; ".join(step.error for step in report.steps if step.error)
    end = TicketState.UNDONE if report.state is UndoState.CLEAN else TicketState.FAILED
    try:
        for state in (TicketState.PREPARED, TicketState.INJECTED):
            run.ledger.move_ticket(ticket_id, expect=state, to=TicketState.UNDOING)
        run.ledger.move_ticket(ticket_id, expect=TicketState.UNDOING, to=end, detail=detail)
    except LedgerError as error:
        lost.append(error)


def _record(run: LiveRun, lost: list[LedgerError], event: Event) -> None:
    try:
        run.recorded(event)
    except LedgerError as error:
        lost.append(error)


def _event(run: LiveRun, kind: EventKind, message: str, **data: object) -> Event:
    return Event(at=run.clock.now(), kind=kind, message=message, data=data)


def _step_event(run: LiveRun, report: UndoReport, done: StepReport, *, again: bool = False) -> Event:
    told = f"{_sentence(done)} (it is tried again)" if again else _sentence(done)
    return _event(run, EventKind.UNDONE, told, **asdict(done), ticket=report.ticket_id, again=again)


def _back(reports: Sequence[UndoReport]) -> str:
    if any(step.drift for report in reports for step in report.steps):
        return "Nothing of this run is left, as read from the cluster; what somebody else did is left alone."
    return "All is back as it was, as read from the cluster."


def _left(worst: UndoState) -> str:
    return f"Undo is {worst}: something may be left behind; see the steps of the undo in the report."


def _sentence(done: StepReport) -> str:
    if done.error:
        return f"{done.what}: {done.error}"
    return f"{done.what}: left alone, {done.drift}" if done.drift else done.what
