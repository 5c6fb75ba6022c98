"""A fault that is only rehearsed: prepared for real, and then told instead of done."""

from dataclasses import replace

from windtunnel.clients.cluster import Cluster
from windtunnel.faults.radius import LOST_PODS
from windtunnel.faults.shape import Fault, FaultStatus, Injection, Stop
from windtunnel.model.ticket import StepReport, UndoReport, UndoStep, UndoTicket


def rehearsed(fault: Fault) -> Fault:
    """Return *fault* with an injection and an undo that change nothing and say what they would do.

    A fault's prepare changes nothing in any case. Whoever is given this one needs not know the difference.
    """
    return replace(fault, inject=_Telling(fault.name), status=_nowhere, undo=_tell_undo)


class _Telling:
    """An injection that only tells."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, cluster: Cluster, ticket: UndoTicket, *, stop: Stop = None) -> Injection:  # noqa: ARG002 - the shape of an injection
        """Return what would be hit."""
        changes = [_change(step) for step in ticket.steps]
        lost = int(ticket.parameters.get(LOST_PODS, 0))
        hits = ", ".join(str(ref) for ref in ticket.targets[:_SHOWN])
        more = len(ticket.targets) - _SHOWN
        told = f"{self._name} would hit {hits}{f' and {more} more' if more > 0 else ''}"
        told += f"; {'; '.join(changes)}" if changes else ""
        return Injection(ticket.targets, f"{told}; pods lost: {lost}." if lost else f"{told}.")


_SHOWN = 10


def _change(step: UndoStep) -> str:
    return f"{step.path} of {step.ref} from {step.before} to {step.changed_to}"


def _nowhere(cluster: Cluster, ticket: UndoTicket) -> FaultStatus:  # noqa: ARG001 - the shape of a status
    return FaultStatus.PENDING


def _tell_undo(cluster: Cluster, ticket: UndoTicket) -> UndoReport:  # noqa: ARG001 - the shape of an undo
    steps = [
        StepReport(f"{step.path} of {step.ref} would be {step.before} again", done=True)
        for step in reversed(ticket.steps)
    ]
    return UndoReport(ticket.id, tuple(steps))
