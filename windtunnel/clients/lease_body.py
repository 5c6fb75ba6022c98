"""A lease as it lies on the cluster: whom it names, until when, and what is written for whom. Pure.

One run holds a lease alone, or several runs that merely need the thing share it: a shared lease has no
holder, but an annotation with each run and the time until which it needs the thing.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from windtunnel.clients.own_namespace import MANAGED, NAMESPACE
from windtunnel.model.claim import Claim
from windtunnel.model.forms import from_stamp

_THING = "windtunnel.dev/thing"
_NEEDED_BY = "windtunnel.dev/needed-by"
_READABLE = 60
_SOMEBODY = "somebody who cannot be read"

Lease = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Occupant:
    """A run on a thing. *until* is None where the lease does not say so readably."""

    run_id: str
    until: datetime | None
    shared: bool = False

    def holds_at(self, now: datetime) -> bool:
        """Say whether it counts at *now*; without a readable time it does."""
        return self.until is None or self.until > now


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for a thing, and for how long."""

    run_id: str
    claim: Claim
    ttl_s: float

    @property
    def name(self) -> str:
        """Return the name of the Lease."""
        return lease_name(self.claim.thing)


def lease_name(thing: str) -> str:
    """Return the name of the Lease on *thing*: readable in its first part, unique in its last."""
    readable = re.sub(r"[^a-z0-9]+", "-", thing.lower()).strip("-")[:_READABLE].strip("-")
    return f"hold-{readable}-{hashlib.sha256(thing.encode()).hexdigest()[:10]}"


def micro_time(at: datetime) -> str:
    """Write *at* as a Lease takes it: UTC with exactly six digits of fraction."""
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def occupants(lease: Lease) -> tuple[Occupant, ...]:
    """Return every run that a lease names, also those whose time is over."""
    return tuple(_occupants(lease))


def in_the_way(lease: Lease, claim: Claim, run_id: str, now: datetime) -> Occupant | None:
    """Return another run for which *run_id* cannot have the thing as it claims it, or None."""
    for other in occupants(lease):
        together = other.shared and claim.shared and other.until is not None
        if other.run_id != run_id and other.holds_at(now) and not together:
            return other
    return None


def words(other: Occupant, name: str) -> str:
    """Say who is on a thing, until when, and what to do, as the rest of a sentence about the thing."""
    does = "is needed (as a dependency)" if other.shared else "is held"
    if other.until is None:
        remedy = f"remove it with `kubectl delete lease {name} -n {NAMESPACE}`"
        return (
            f"{does} by {other.run_id}, and its lease names no readable time; once that run is over, {remedy}"
        )
    remedy = f"wait for that run to end, or for the lease {name} in {NAMESPACE} to run out"
    return f"{does} by {other.run_id} until {micro_time(other.until)}; {remedy}"


def taken_away(lease: Lease, asking: Asking) -> str:
    """Say who has the lease in the place of the run that asks, or "" when it is that run's."""
    found = occupants(lease)
    if any(one.run_id == asking.run_id and one.shared == asking.claim.shared for one in found):
        return ""
    return f"{', '.join(one.run_id for one in found) or 'nobody'} holds it now"


def others_on(lease: Lease, asking: Asking) -> Iterator[Occupant]:
    """Yield every other run that the lease names."""
    return (one for one in occupants(lease) if one.run_id != asking.run_id)


def body(
    asking: Asking, now: datetime, found: Lease | None = None, *, leaving: bool = False
) -> dict[str, Any]:
    """Return the lease as *asking* wants it, over *found* if there is one."""
    annotations = {_THING: asking.claim.thing}
    metadata: dict[str, Any] = {"name": asking.name, "labels": MANAGED, "annotations": annotations}
    spec: dict[str, Any] = {
        "leaseDurationSeconds": max(1, round(asking.ttl_s)),
        "acquireTime": micro_time(now),
        "renewTime": micro_time(now),
    }
    if found is not None:
        metadata["resourceVersion"] = found["metadata"]["resourceVersion"]
        if not taken_away(found, asking):
            spec["acquireTime"] = (found.get("spec") or {}).get("acquireTime") or spec["acquireTime"]
    if not asking.claim.shared:
        spec["holderIdentity"] = asking.run_id
        return {"metadata": metadata, "spec": spec}
    sharing = {
        other.run_id: micro_time(other.until)
        for other in (others_on(found, asking) if found is not None else ())
        if other.shared and other.until is not None and other.until > now
    }
    if not leaving:
        sharing[asking.run_id] = micro_time(now + timedelta(seconds=asking.ttl_s))
    annotations[_NEEDED_BY] = json.dumps(sharing)
    return {"metadata": metadata, "spec": spec}


def _occupants(lease: Lease) -> Iterator[Occupant]:
    spec = lease.get("spec") or {}
    if holder := str(spec.get("holderIdentity") or ""):
        yield Occupant(holder, _held_until(spec))
    text = (lease["metadata"].get("annotations") or {}).get(_NEEDED_BY)
    if not text:
        return
    try:
        for run_id, until in dict(json.loads(text)).items():
            yield Occupant(str(run_id), _time(until), shared=True)
    except (ValueError, TypeError):
        yield Occupant(_SOMEBODY, None, shared=True)


def _held_until(spec: Mapping[str, Any]) -> datetime | None:
    renewed = _time(spec.get("renewTime") or spec.get("acquireTime"))
    lasts = spec.get("leaseDurationSeconds")
    return renewed + timedelta(seconds=lasts) if renewed and isinstance(lasts, int) else None


def _time(text: object) -> datetime | None:
    try:
        return from_stamp(str(text))
    except ValueError:
        return None
