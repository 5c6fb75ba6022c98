"""How much a ticket will hit: for guardrails that look once more before the change. Pure."""

from dataclasses import dataclass

from windtunnel.model.ticket import ObjectRef, UndoTicket

LOST_PODS = "lost_pods"  # in a ticket's parameters: pods that go without being named among its targets


@dataclass(frozen=True, slots=True)
class Radius:
    """What one ticket will hit."""

    pods: int
    nodes: int
    namespaces: frozenset[str]


def planned_targets(ticket: UndoTicket) -> Radius:
    """Return how many pods and nodes *ticket* will take away, and in which namespaces."""
    return Radius(
        pods=len(_of(ticket, "Pod")) + int(ticket.parameters.get(LOST_PODS, 0)),
        nodes=len(_of(ticket, "Node")),
        namespaces=frozenset(ref.namespace for ref in ticket.targets if ref.namespace),
    )


def _of(ticket: UndoTicket, kind: str) -> tuple[ObjectRef, ...]:
    return tuple(ref for ref in ticket.targets if ref.kind == kind)
