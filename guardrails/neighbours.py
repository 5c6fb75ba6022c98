"""Neighbours: nobody else is at work on what a run hits or needs, or has yet to undo what it did there."""

from dataclasses import dataclass
from datetime import datetime

from guardrails.answers import allow, deny, unknown
from guardrails.facts import FactKey, Facts, Unusable
from windtunnel.model.decision import Decision
from windtunnel.model.experiment import Experiment
from windtunnel.model.policy import Policy

NAME = "neighbours"
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another run on a thing. *doing* is a clause: "is held by R until T". *until* is its end, if known."""

    thing: str
    run_id: str
    doing: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Who else is there; *unreadable* are open undo tickets of which nobody can say what they are about."""

    found: tuple[Neighbour, ...] = ()
    unreadable: tuple[str, ...] = ()


NEIGHBOURS = FactKey("neighbours", Neighbours, max_age_s=30.0)
NEEDS: tuple[str, ...] = (NEIGHBOURS.name,)


def decide(policy: Policy, experiment: Experiment, facts: Facts, now: datetime) -> Decision:  # noqa: ARG001 - one shape for all
    """Refuse a run whose things another run holds, needs, or has not undone.

    The leases that the run takes afterwards decide; this is who stands in the way as far as can be seen.
    """
    seen = facts.read(NEIGHBOURS, now=now)
    if isinstance(seen, Unusable):
        return unknown(NAME, seen)
    if seen.found:
        clauses = [f"{one.thing} {one.doing}" for one in seen.found[:_SHOWN]]
        more = len(seen.found) - _SHOWN
        ends = [one.until for one in seen.found]
        return deny(
            NAME,
            "; ".join((*clauses, *([f"and {more} more"] if more > 0 else []), *seen.unreadable)) + ".",
            observed=", ".join(sorted({one.run_id for one in seen.found})),
            limit="no other run",
            until=max(filter(None, ends)) if all(ends) and not seen.unreadable else None,
        )
    if seen.unreadable:
        return unknown(NAME, Unusable("; ".join(seen.unreadable)))
    return allow(NAME, "No other run is on what this one hits or needs.", limit="no other run")
