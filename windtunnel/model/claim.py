"""What a run lays claim to while it lives: the things it hits, where they live, and what the target needs.

A thing is named the same however an experiment names its target: "shop/deployment/checkout", "node/worker-1".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

_NODE = "node/"


class Role(IntEnum):
    """What a run does to a thing, the strongest first."""

    HIT = 0  # the target, what owns a pod that is hit, a node that is hit
    HOME = 1  # a node on which a pod is hit
    NEEDED = 2  # a dependency: it must be left alone, but several runs may need it at once


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing, and what a run does to it."""

    thing: str
    role: Role = Role.HIT

    @property
    def shared(self) -> bool:
        """Say whether others may claim the thing in the same way meanwhile."""
        return self.role is Role.NEEDED


def workload_thing(namespace: str, reference: str) -> str:
    """Name a workload, or a pod that nothing owns, given as kind/name."""
    return f"{namespace}/{reference}".lower()


def node_thing(name: str) -> str:
    """Name a node."""
    return f"{_NODE}{name}"


def in_order(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """Return one claim per thing, the strongest, in the order in which every run takes them.

    The order is the same for all runs, workloads first: of two runs that want several of the same things, the
    one that gets the first of them gets them all, and the other has taken nothing that is in its way.
    """
    strongest: dict[str, Role] = {}
    for claim in claims:
        strongest[claim.thing] = min(claim.role, strongest.get(claim.thing, claim.role))
    things = sorted(strongest, key=lambda thing: (thing.startswith(_NODE), thing))
    return tuple(Claim(thing, strongest[thing]) for thing in things)


def hits(claims: Iterable[Claim]) -> frozenset[str]:
    """Return the things that are hit, which is what counts as the same target in a later run."""
    return frozenset(claim.thing for claim in claims if claim.role is Role.HIT)
