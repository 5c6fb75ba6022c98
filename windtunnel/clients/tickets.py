"""Undo tickets on the cluster they are about: one ConfigMap each, readable without our database.

The state is a word of the ledger's (`prepared`, `injected`, `undoing`, `undone`, `failed`), kept in an
annotation and changed by compare-and-set alone. A run that undoes its own fault deletes the ticket. Whoever
undoes for it leaves the ticket closed, with a report, until nothing can come back to it.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from windtunnel.clients.cluster import Cluster
from windtunnel.clients.own_namespace import NAMESPACE, explaining_absence
from windtunnel.clients.ticket_body import (
    CALLED_AT,
    COMPONENT,
    RUN,
    STATE,
    TOLD,
    TOLD_AT,
    About,
    TicketOnCluster,
    body,
    closing,
    failing,
    parsed,
    ticket_from_json,
    ticket_to_json,
)
from windtunnel.model.errors import ConflictError, NotFoundError
from windtunnel.model.forms import stamp
from windtunnel.model.ticket import UndoReport, UndoTicket

__all__ = ["RUN", "About", "TicketOnCluster", "ticket_from_json", "ticket_to_json"]

_SELECTOR = f"{COMPONENT}=undo-ticket"
_NOBODY = About()


def write(
    cluster: Cluster,
    ticket: UndoTicket,
    *,
    state: str = "prepared",
    things: Collection[str] = (),
    about: About = _NOBODY,
) -> None:
    """Put *ticket* on the cluster; to be called, and to return, before the first change.

    Raises:
        ConflictError: a ticket of that name is there already.
        ClusterError: it could not be written, or is too large for a ConfigMap.
    """
    made = body(ticket, state=str(state), things=frozenset(things), about=about)
    with explaining_absence(cluster.label):
        cluster.create("ConfigMap", made, NAMESPACE)


def read(cluster: Cluster, ticket_id: str) -> TicketOnCluster:
    """Return one ticket.

    Raises:
        NotFoundError: there is no such ticket.
    """
    return parsed(cluster.get("ConfigMap", ticket_id, NAMESPACE))


def mark(cluster: Cluster, ticket: UndoTicket | str, state: str, *, expect: Collection[str] = ()) -> None:
    """Move a ticket to *state*, if it is in one of *expect* (or in any, when that is empty).

    Raises:
        ConflictError: it is in another state, or somebody moved it in this very moment.
        NotFoundError: there is no such ticket.
    """
    name = _name(ticket)
    found = cluster.get("ConfigMap", name, NAMESPACE)
    now = parsed(found).state
    if expect and now not in expect:
        msg = f"the undo ticket {name} is {now or 'without a state'}, not {' or '.join(expect)}"
        raise ConflictError(msg)
    _change(cluster, found, {"metadata": {"annotations": {STATE: str(state)}}})


def close(cluster: Cluster, ticket: UndoTicket | str, report: UndoReport, *, at: datetime) -> bool:
    """Close a ticket whose undo is clean, and keep *report* on it; False when it is gone already.

    Raises:
        ConflictError: somebody moved it in this very moment.
    """
    try:
        found = cluster.get("ConfigMap", _name(ticket), NAMESPACE)
        if parsed(found).open:
            _change(cluster, found, closing(report, at=at))
    except NotFoundError:
        return False
    return True


def fail(cluster: Cluster, ticket: UndoTicket | str, why: str, *, at: datetime) -> None:
    """Count one more undo that failed, with the reason; a ticket that is closed or gone stays so.

    Raises:
        ConflictError: somebody moved it in this very moment.
    """
    try:
        found = cluster.get("ConfigMap", _name(ticket), NAMESPACE)
        now = parsed(found)
        if now.open:
            _change(cluster, found, failing(now, why, at=at))
    except NotFoundError:
        return


def called(cluster: Cluster, seen: TicketOnCluster, *, at: datetime | None) -> None:
    """Write on a ticket when people were called to it; None takes that off again.

    Raises:
        ConflictError: somebody else has just called them.
        NotFoundError: it is gone.
    """
    found = cluster.get("ConfigMap", seen.name, NAMESPACE)
    if parsed(found).called_at != seen.called_at:
        msg = f"people were called to the undo ticket {seen.name} in this very moment"
        raise ConflictError(msg)
    now = {CALLED_AT: stamp(at) if at else None, TOLD_AT: None, TOLD: None}
    _change(cluster, found, {"metadata": {"annotations": now}})


def told(cluster: Cluster, seen: TicketOnCluster, ways: Collection[str] = (), *, at: datetime) -> None:
    """Write on a ticket that people are told that it is undone, and in which *ways* they have been.

    Raises:
        ConflictError: somebody else has just begun to tell them.
        NotFoundError: it is gone.
    """
    found = cluster.get("ConfigMap", seen.name, NAMESPACE)
    if parsed(found).told_at != seen.told_at:
        msg = f"people are told of the undo ticket {seen.name} in this very moment"
        raise ConflictError(msg)
    all_ways = "\n".join(sorted(seen.told | set(ways)))
    _change(cluster, found, {"metadata": {"annotations": {TOLD_AT: stamp(at), TOLD: all_ways}}})


def list_all(cluster: Cluster, *, run_id: str = "") -> tuple[TicketOnCluster, ...]:
    """Return every ticket, those that are undone and those that cannot be read among them."""
    labels = f"{_SELECTOR},{RUN}={run_id}" if run_id else _SELECTOR
    return tuple(map(parsed, cluster.list("ConfigMap", NAMESPACE, labels=labels)))


def list_open(cluster: Cluster) -> tuple[TicketOnCluster, ...]:
    """Return every ticket that is not undone, those that cannot be read among them."""
    return tuple(ticket for ticket in list_all(cluster) if ticket.open)


def delete(cluster: Cluster, ticket: UndoTicket | str) -> bool:
    """Remove a ticket; say whether it was there."""
    try:
        cluster.delete("ConfigMap", _name(ticket), NAMESPACE)
    except NotFoundError:
        return False
    return True


def _change(cluster: Cluster, found: Mapping[str, Any], patch: Mapping[str, Any]) -> None:
    """Write *patch* at the version that was read."""
    metadata = found["metadata"]
    at_version = {**patch["metadata"], "resourceVersion": metadata["resourceVersion"]}
    cluster.patch_merge("ConfigMap", metadata["name"], NAMESPACE, patch={**patch, "metadata": at_version})


def _name(ticket: UndoTicket | str) -> str:
    return ticket if isinstance(ticket, str) else ticket.id
