"""Undo tickets on the cluster they are about: one ConfigMap each, readable without our database.

The state is a word of the ledger's (`prepared`, `injected`, `undoing`, `undone`, `failed`), kept in an
annotation and changed by compare-and-set alone.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from windtunnel.clients.cluster import Cluster
from windtunnel.clients.own_namespace import MANAGED, NAMESPACE, explaining_absence
from windtunnel.model.errors import ClusterError, ConflictError, NotFoundError
from windtunnel.model.forms import stamp, ticket_form, ticket_of
from windtunnel.model.ticket import UndoTicket

RUN = "windtunnel.dev/run"
COMPONENT = "windtunnel.dev/component"
EXPIRES_AT = "windtunnel.dev/expires-at"
STATE = "windtunnel.dev/state"
THINGS = "windtunnel.dev/things"  # what the run hits, one in each line
_SELECTOR = f"{COMPONENT}=undo-ticket"
_LARGEST = 900_000  # bytes; a ConfigMap holds 1 MiB
_CLOSED = frozenset({"undone"})


@dataclass(frozen=True, slots=True)
class TicketOnCluster:
    """A ticket as it lies on the cluster. Exactly one of *ticket* and *error* is set."""

    name: str
    state: str
    ticket: UndoTicket | None = None
    error: str = ""
    things: frozenset[str] = frozenset()  # what the run hits, as leases name it; empty where it is not told


def ticket_to_json(ticket: UndoTicket) -> str:
    """Write *ticket* as one line of JSON."""
    return json.dumps(ticket_form(ticket), separators=(",", ":"), sort_keys=True)


def ticket_from_json(text: str) -> UndoTicket:
    """Read what `ticket_to_json` wrote.

    Raises:
        ValueError: *text* is not such JSON; the message says what is wrong.
    """
    try:
        return ticket_of(json.loads(text))
    except (KeyError, TypeError, AttributeError) as error:
        msg = f"not an undo ticket: {error!r}"
        raise ValueError(msg) from error


def write(
    cluster: Cluster, ticket: UndoTicket, *, state: str = "prepared", things: Collection[str] = ()
) -> None:
    """Put *ticket* on the cluster; to be called, and to return, before the first change.

    Raises:
        ConflictError: a ticket of that name is there already.
        ClusterError: it could not be written, or is too large for a ConfigMap.
    """
    text = ticket_to_json(ticket)
    if len(text) > _LARGEST:
        msg = (
            f"the undo ticket {ticket.id} names {len(ticket.targets)} objects and takes {len(text)} bytes, "
            f"more than the {_LARGEST} that fit on the cluster; aim at fewer objects"
        )
        raise ClusterError(msg)
    metadata = {
        "name": ticket.id,
        "labels": {**MANAGED, RUN: ticket.run_id, COMPONENT: "undo-ticket"},
        "annotations": {
            EXPIRES_AT: stamp(ticket.expires_at),
            STATE: str(state),
            THINGS: "\n".join(sorted(things)),
        },
    }
    with explaining_absence(cluster.label):
        cluster.create("ConfigMap", {"metadata": metadata, "data": {"ticket": text}}, NAMESPACE)


def read(cluster: Cluster, ticket_id: str) -> TicketOnCluster:
    """Return one ticket.

    Raises:
        NotFoundError: there is no such ticket.
    """
    return _parsed(cluster.get("ConfigMap", ticket_id, NAMESPACE))


def mark(cluster: Cluster, ticket: UndoTicket | str, state: str, *, expect: Collection[str] = ()) -> None:
    """Move a ticket to *state*, if it is in one of *expect* (or in any, when that is empty).

    Raises:
        ConflictError: it is in another state, or somebody moved it in this very moment.
        NotFoundError: there is no such ticket.
    """
    name = ticket if isinstance(ticket, str) else ticket.id
    found = cluster.get("ConfigMap", name, NAMESPACE)
    metadata = found["metadata"]
    now = str((metadata.get("annotations") or {}).get(STATE, ""))
    if expect and now not in expect:
        msg = f"the undo ticket {name} is {now or 'without a state'}, not {' or '.join(expect)}"
        raise ConflictError(msg)
    version = metadata["resourceVersion"]
    patch = {"metadata": {"resourceVersion": version, "annotations": {STATE: str(state)}}}
    cluster.patch_merge("ConfigMap", name, NAMESPACE, patch=patch)


def list_open(cluster: Cluster) -> tuple[TicketOnCluster, ...]:
    """Return every ticket that is not undone, those that cannot be read among them."""
    found = cluster.list("ConfigMap", NAMESPACE, labels=_SELECTOR)
    return tuple(ticket for ticket in map(_parsed, found) if ticket.state not in _CLOSED)


def delete(cluster: Cluster, ticket: UndoTicket | str) -> bool:
    """Remove a ticket; say whether it was there."""
    try:
        cluster.delete("ConfigMap", ticket if isinstance(ticket, str) else ticket.id, NAMESPACE)
    except NotFoundError:
        return False
    return True


def _parsed(found: Mapping[str, Any]) -> TicketOnCluster:
    metadata = found["metadata"]
    name, told = metadata["name"], metadata.get("annotations") or {}
    state, things = str(told.get(STATE, "")), frozenset(str(told.get(THINGS, "")).split())
    try:
        ticket = ticket_from_json(str((found.get("data") or {}).get("ticket", "")))
    except ValueError as error:
        msg = f"configmap/{name} in {NAMESPACE} on the cluster cannot be read: {error}; undo it by hand"
        return TicketOnCluster(name, state, error=msg, things=things)
    return TicketOnCluster(name, state, ticket, things=things)
