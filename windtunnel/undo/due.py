"""Which undo tickets somebody else than their run must see to. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from windtunnel.clients.ticket_body import TicketOnCluster

LONGEST_PAUSE_S = 60.0  # between two undos of one ticket that fail
KEPT = timedelta(hours=1)  # how long a closed ticket stays after its time, for its report to be read

Held = Mapping[str, datetime | None]  # run -> until when its leases last; None: nobody can tell


@dataclass(frozen=True, slots=True)
class Due:
    """A ticket to undo now, and why, as the rest of a sentence about its run."""

    found: TicketOnCluster
    why: str


def lives(run_id: str, held: Held, now: datetime) -> bool:
    """Say whether a run still holds a lease; without a readable time it counts as held."""
    if run_id not in held:
        return False
    until = held[run_id]
    return until is None or until > now


def due(tickets: Iterable[TicketOnCluster], held: Held, now: datetime) -> tuple[Due, ...]:
    """Return what to undo at *now*, in the order of undoing.

    A ticket is due when its run holds no lease any more, or when its time is up, whoever holds what. A run
    that lives undoes its own until then. Tickets that cannot be read are in nobody's power but a person's.

    Args:
        tickets: As the cluster has them; read before *held*, so that a run that has just begun is not taken
            for dead.
        held: Until when each run's leases last.
        now: By the API server's clock.
    """
    found = [one for one in tickets if one.open and one.ticket is not None]
    why = {one.name: _why(one, held, now) for one in found}
    return tuple(
        Due(one, why[one.name]) for one in in_order(found) if why[one.name] and not pausing(one, now)
    )


def in_order(tickets: Iterable[TicketOnCluster]) -> tuple[TicketOnCluster, ...]:
    """Return tickets in the order of undoing: last in, first out within a run.

    What restores something goes before what only waits and verifies, which holds up nobody.
    """
    readable = [(one, one.ticket) for one in tickets if one.ticket is not None]
    readable.sort(key=lambda pair: (not pair[1].steps, pair[0].run_id, -pair[0].about.order))
    return tuple(one for one, _ in readable)


def pausing(found: TicketOnCluster, now: datetime) -> bool:
    """Say whether an undo that failed is to be left for a moment: twice as long after each failure."""
    if not found.tries or found.tried_at is None:
        return False
    pause_s = min(LONGEST_PAUSE_S, 2.0 ** min(found.tries, 10))
    return now < found.tried_at + timedelta(seconds=pause_s)


def over(tickets: Iterable[TicketOnCluster], now: datetime) -> tuple[TicketOnCluster, ...]:
    """Return the closed tickets that nothing can come back to, to be removed."""
    return tuple(
        one for one in tickets if not one.open and one.ticket and now >= one.ticket.expires_at + KEPT
    )


def guarded(tickets: Iterable[TicketOnCluster], now: datetime) -> tuple[TicketOnCluster, ...]:
    """Return the closed tickets of which a run that was only asleep might still make a fault.

    A run is suspended between writing its ticket and its change; its leases run out, its ticket is undone
    and closed; it wakes, and changes. It finds out at once and undoes; if it dies before that, this is how
    the fault is found. No run changes anything after its ticket's time.
    """
    return tuple(
        one
        for one in tickets
        if not one.open and one.ticket and one.ticket.steps and now < one.ticket.expires_at + KEPT
    )


def _why(one: TicketOnCluster, held: Held, now: datetime) -> str:
    if one.ticket is None:
        return ""
    if now >= one.ticket.expires_at:
        return "its time is up"
    if not lives(one.run_id, held, now):
        return "its run holds no lease any more"
    return ""
