"""Undo one ticket once, and say so on the ticket. Safe to be done by several at once."""

from collections.abc import Callable
from contextlib import suppress

from windtunnel.clients import tickets
from windtunnel.clients.cluster import Cluster
from windtunnel.clients.contended import until_settled
from windtunnel.clients.ticket_body import TicketOnCluster
from windtunnel.clock import Clock
from windtunnel.faults.shape import Fault
from windtunnel.model.errors import ClusterError, ConflictError, NotFoundError, RefusedError, UnreachableError
from windtunnel.model.ticket import StepReport, UndoReport, UndoState, UndoTicket

LoadFault = Callable[[str], Fault]


def undo_and_close(
    cluster: Cluster, found: TicketOnCluster, ticket: UndoTicket, *, clock: Clock, load_fault: LoadFault
) -> UndoReport:
    """Undo *ticket*, and close it on the cluster if all is back; else count the failure on it.

    Never raises for what it could not do: the report tells.
    """
    try:
        with suppress(ConflictError, RefusedError, UnreachableError):  # a word for those who look on alone
            tickets.mark(cluster, found.name, "undoing")
    except NotFoundError:
        gone = StepReport(f"undo ticket {found.name}", done=True, drift="somebody else has closed it")
        return UndoReport(found.name, (gone,))
    report = undone(cluster, ticket, load_fault)
    try:
        until_settled(clock, lambda: _write_down(cluster, found.name, report, clock))
    except ClusterError as error:
        unclosed = StepReport(f"close the undo ticket {found.name}", done=False, error=str(error))
        return UndoReport(report.ticket_id, (*report.steps, unclosed))
    return report


def undone(cluster: Cluster, ticket: UndoTicket, load_fault: LoadFault) -> UndoReport:
    """Undo *ticket* by its fault. One that breaks is a report, too: it must keep no other from its own."""
    try:
        return load_fault(ticket.fault).undo(cluster, ticket)
    except Exception as error:  # noqa: BLE001 - as said
        broken = StepReport(f"undo {ticket.fault}", done=False, error=f"{type(error).__name__}: {error}")
        return UndoReport(ticket.id, (broken,))


def _write_down(cluster: Cluster, name: str, report: UndoReport, clock: Clock) -> None:
    if report.state is UndoState.CLEAN:
        tickets.close(cluster, name, report, at=clock.now())
    else:
        why = "; ".join(step.error for step in report.steps if step.error)
        tickets.fail(cluster, name, why, at=clock.now())
