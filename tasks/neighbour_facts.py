"""Who else is on the things of a run: leases that stand in its way, and undo that is still due on them."""

from collections.abc import Iterable, Iterator

from guardrails.neighbours import Neighbour, Neighbours
from tasks.claims import claims_of
from tasks.prospect import Prospect
from windtunnel.clients import tickets
from windtunnel.clients.lease_body import in_the_way, lease_name, words
from windtunnel.clients.own_namespace import NAMESPACE
from windtunnel.clients.tickets import TicketOnCluster
from windtunnel.model.claim import Claim, workload_thing
from windtunnel.model.policy import Policy
from windtunnel.model.ticket import UndoTicket


def neighbours(run: Prospect, _policy: Policy) -> Neighbours:
    """Look for leases of other runs, and for open undo tickets of any, on what *run* hits or needs.

    A run has no ticket before it injects: one in its own name is left from an earlier try of the same run.
    """
    claims = claims_of(run)
    others = tickets.list_open(run.cluster)
    return Neighbours(
        found=(*_holding(run, claims), *_undoing(claims, others)),
        unreadable=tuple(one.error for one in others if one.ticket is None),
    )


def _holding(run: Prospect, claims: Iterable[Claim]) -> Iterator[Neighbour]:
    now = run.clock.now()
    leases = {found["metadata"]["name"]: found for found in run.cluster.list("Lease", NAMESPACE)}
    for claim in claims:
        found = leases.get(lease_name(claim.thing))
        if found and (other := in_the_way(found, claim, run.run_id, now)):
            doing = words(other, lease_name(claim.thing))
            yield Neighbour(claim.thing, other.run_id, doing, other.until)


def _undoing(claims: Iterable[Claim], others: Iterable[TicketOnCluster]) -> Iterator[Neighbour]:
    """Yield what others have hit and not undone; their leases may have run out long ago."""
    claimed = [claim.thing for claim in claims]
    for other in others:
        if other.ticket is None:
            continue
        doing = (
            f"was hit by {other.ticket.run_id}, whose undo ticket {other.name} is still open ({other.state})"
        )
        hit = other.things or frozenset(_named(other.ticket))
        for thing in claimed:
            if thing in hit:
                yield Neighbour(thing, other.ticket.run_id, doing)


def _named(ticket: UndoTicket) -> Iterator[str]:
    """Yield the things that a ticket names itself, where it was written without them."""
    for ref in ticket.targets:
        yield (
            f"node/{ref.name}"
            if ref.kind == "Node"
            else workload_thing(ref.namespace, f"{ref.kind}/{ref.name}")
        )
