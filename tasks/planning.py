"""One fault of a run, prepared."""

from dataclasses import dataclass

from windtunnel.faults.shape import Fault
from windtunnel.model.ticket import UndoTicket


@dataclass(frozen=True, slots=True)
class Plan:
    """A fault with the ticket that its prepare made: all that is known before anything is changed."""

    fault: Fault
    ticket: UndoTicket
