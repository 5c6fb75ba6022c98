"""The named points at which a run kills itself: before and after each write, call and change of state."""

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from windtunnel.clients.connection import Connection, Request
from windtunnel.ledger import Ledger
from windtunnel.model.record import Event

Matches = Callable[..., bool]
TICKET = "windtunnel-undo-"


@dataclass(frozen=True, slots=True)
class Seam:
    """A place in the life of a run, told by the call that is made there.

    *nth* counts the calls that match, of all that one process makes.
    """

    of: type
    method: str
    matches: Matches
    nth: int = 1


def asked(method: str, *, ending: str = "", holding: str = "", nth: int = 1) -> Seam:
    """Return a call of the Kubernetes API by its method, the end of its path, and what it names."""

    def matches(request: Request) -> bool:
        named = f"{request.path} {request.body}"
        return request.method == method and ending in request.path and holding in named

    return Seam(Connection, "_ask_once", matches, nth)


def recorded(kind: str) -> Seam:
    """Return the moment when an event of *kind* goes on record."""

    def matches(_run_id: str, event: Event) -> bool:
        return event.kind == kind

    return Seam(Ledger, "append", matches)


def kept(method: str, *, nth: int = 1) -> Seam:
    """Return a call of the ledger."""
    return Seam(Ledger, method, lambda *_, **__: True, nth)


EVERYWHERE: Mapping[str, Seam] = {
    "the record begins": kept("begin"),
    "the lease is taken": asked("POST", ending="/leases"),
    "the ticket is kept": kept("save_ticket"),
    "the ticket is written": asked("POST", ending="/configmaps", holding=TICKET),
    "the ticket is on record": recorded("undo.ticket"),
    "the injection is on record": recorded("fault.injecting"),
    "the ticket is confirmed": asked("PATCH", ending=f"/configmaps/{TICKET}"),
    "the ticket is moved on": kept("move_ticket"),
    "the fault is on record": recorded("fault.injected"),
    "the undo is on record": recorded("undo.started"),
    "the ticket is removed": asked("DELETE", ending=f"/configmaps/{TICKET}"),
    "the ticket is closed": kept("move_ticket", nth=3),
    "the end of undo is on record": recorded("undo.finished"),
    "the run is finished": kept("finish"),
    "the lease is given back": asked("DELETE", ending="/leases/"),
}
OF_A_FAULT: Mapping[str, Mapping[str, Seam]] = {
    "deployment-scale": {
        "the change is made": asked("PATCH", ending="/deployments/web"),
        "the change is taken back": asked("PATCH", ending="/deployments/web", nth=2),
    },
    "pod-delete": {"the change is made": asked("DELETE", ending="/pods/")},
    "node-drain": {
        "the change is made": asked("PATCH", ending="/nodes/"),
        "a pod is evicted": asked("POST", ending="/eviction"),
        "another pod is evicted": asked("POST", ending="/eviction", nth=2),
        "the change is taken back": asked("PATCH", ending="/nodes/", nth=2),
    },
}


def points(fault: str) -> dict[str, tuple[Seam, bool]]:
    """Return every point of a run with *fault*: its name, its seam, and whether it lies before the call."""
    seams = {**EVERYWHERE, **OF_A_FAULT[fault]}
    return {
        f"{'before' if before else 'after'} {name}": (seam, before)
        for name, seam in seams.items()
        for before in (True, False)
    }


def arm(seam: Seam, *, before: bool, number: signal.Signals) -> None:
    """Make this very process send itself *number* at a point; what it does otherwise stays as it is."""
    wrapped = getattr(seam.of, seam.method)
    seen = 0

    def call(self: Any, *arguments: Any, **named: Any) -> Any:
        nonlocal seen
        hit = seam.matches(*arguments, **named)
        seen += hit
        here = hit and seen == seam.nth
        if here and before:
            os.kill(os.getpid(), number)
        answer = wrapped(self, *arguments, **named)
        if here and not before:
            os.kill(os.getpid(), number)
        return answer

    setattr(seam.of, seam.method, call)
