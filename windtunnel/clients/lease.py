"""A lease on a target: while one run holds it, no other run touches that target.

Held as a coordination.k8s.io Lease in windtunnel's namespace and changed only at the version that was read,
so that of two runs that try at once, one wins. Times are compared with this machine's clock: machines that
share a cluster must agree on the time to within the lease's length. Two targets conflict when they are
written alike (cluster, namespace, workload or selector); overlapping selectors are not recognised.
"""

import hashlib
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from windtunnel.clients.cluster import Cluster
from windtunnel.clients.connection import Timeouts
from windtunnel.clients.own_namespace import MANAGED, NAMESPACE, explaining_absence
from windtunnel.clock import Clock, SystemClock
from windtunnel.model.errors import ClusterError, ConflictError, LeaseHeldError, NotFoundError
from windtunnel.model.experiment import Target
from windtunnel.model.forms import from_stamp

_TIMEOUTS = Timeouts(connect_s=1.5, read_s=2.0, total_s=3.0, tries=1)  # a renewal must end before the lease
_TARGET = "windtunnel.dev/target"
_READABLE = 60


@dataclass(slots=True)
class HeldLease:
    """A lease in our hands. *lost* is set, and *why* tells, once it no longer is."""

    name: str
    holder: str
    target: str
    ttl_s: float
    lost: threading.Event = field(default_factory=threading.Event)
    why: str = ""


@contextmanager
def hold(
    cluster: Cluster,
    target: Target,
    run_id: str,
    *,
    ttl_s: float = 15.0,
    renew_s: float = 5.0,
    clock: Clock | None = None,
) -> Iterator[HeldLease]:
    """Take the lease on *target*, renew it in a thread, and give it back at the end.

    Raises:
        LeaseHeldError: another run holds it; the error names the run and until when.
        ClusterError: the lease could not be asked for.
    """
    times = clock or SystemClock()
    asked = cluster.within(_TIMEOUTS)
    held = HeldLease(name=lease_name(target), holder=run_id, target=str(target), ttl_s=ttl_s)
    with explaining_absence(cluster.label):
        _take(asked, held, times)
    done = threading.Event()
    renewing = threading.Thread(
        target=_keep, args=(asked, held, times, renew_s, done), name=f"lease-{run_id}", daemon=True
    )
    renewing.start()
    try:
        yield held
    finally:
        done.set()
        renewing.join(_TIMEOUTS.total_s + _TIMEOUTS.connect_s)
        _give_back(asked, held)


def confirm(cluster: Cluster, held: HeldLease, *, clock: Clock | None = None) -> str:
    """Renew the lease at once; return why it is lost, or "" when it is ours.

    For the moment before a change: a process that was suspended since the last renewal does not know yet
    that its lease ran out and somebody else took it.

    Raises:
        ClusterError: it could not be asked; who asks must take the lease as lost.
    """
    asked, times = cluster.within(_TIMEOUTS), clock or SystemClock()
    try:
        return _renew(asked, held, times)
    except ConflictError:  # the renewing thread was at it in this very moment
        return _renew(asked, held, times)


def lease_name(target: Target) -> str:
    """Return the name of the Lease for *target*: readable in its first part, unique in its last."""
    identity = f"{target.namespace}|{target.workload}|{target.selector}|{target.nodes}"
    readable = (
        re.sub(r"[^a-z0-9]+", "-", str(replace(target, cluster="")).lower()).strip("-")[:_READABLE].strip("-")
    )
    return f"target-{readable}-{hashlib.sha256(identity.encode()).hexdigest()[:10]}"


def micro_time(at: datetime) -> str:
    """Write *at* as a Lease takes it: UTC with exactly six digits of fraction."""
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def held_until(lease: Mapping[str, Any]) -> datetime | None:
    """Return when a lease runs out, or None for one that nobody holds or that has no readable time."""
    spec = lease.get("spec") or {}
    try:
        renewed = from_stamp(str(spec.get("renewTime") or spec.get("acquireTime") or ""))
        lasts = timedelta(seconds=int(spec.get("leaseDurationSeconds") or 0))
    except ValueError:
        return None
    return renewed + lasts if spec.get("holderIdentity") else None


def _take(cluster: Cluster, held: HeldLease, clock: Clock) -> None:
    """Create the lease, or take over one that ran out or is ours already."""
    try:
        cluster.create("Lease", _body(held, clock.now()), NAMESPACE)
    except ConflictError:
        _take_over(cluster, held, clock)


def _take_over(cluster: Cluster, held: HeldLease, clock: Clock) -> None:
    try:
        lease = cluster.get("Lease", held.name, NAMESPACE)
        holder, until = str((lease.get("spec") or {}).get("holderIdentity") or ""), held_until(lease)
        now = clock.now()
        if holder != held.holder and until is not None and until > now:
            raise _refusal(held, holder, micro_time(until))
        version = lease["metadata"]["resourceVersion"]
        cluster.replace("Lease", _body(held, now, version=version), NAMESPACE)
    except (ConflictError, NotFoundError) as error:
        raise _refusal(held, "another run that took it in this moment", micro_time(clock.now())) from error


def _refusal(held: HeldLease, holder: str, until: str) -> LeaseHeldError:
    return LeaseHeldError(
        f"the target {held.target} is held by {holder} until {until}; wait for that run to end, "
        f"or for the lease {held.name} in {NAMESPACE} to run out",
        holder=holder,
        until=until,
    )


def _keep(cluster: Cluster, held: HeldLease, clock: Clock, renew_s: float, done: threading.Event) -> None:
    """Renew until *done*; when the lease is taken away, or could run out unrenewed, say that it is lost."""
    good_until = clock.monotonic() + held.ttl_s
    pause = renew_s
    while not clock.wait(pause, until=done):
        began, pause = clock.monotonic(), renew_s
        try:
            why = _renew(cluster, held, clock)
        except ClusterError as error:
            why, pause = "", min(renew_s, 1.0)
            if clock.monotonic() + pause >= good_until:
                why = f"it could not be renewed in time: {error}"
        except Exception as error:  # noqa: BLE001 - a thread that died would leave the lease to others, unsaid
            why = f"it could not be renewed: {type(error).__name__}: {error}"
        else:
            good_until = began + held.ttl_s
        if why and not done.is_set():
            held.why = f"the lease {held.name} on {held.target} is lost: {why}"
            held.lost.set()
            return


def _renew(cluster: Cluster, held: HeldLease, clock: Clock) -> str:
    """Renew once; return why the lease is lost, or "" when it is ours."""
    try:
        lease = cluster.get("Lease", held.name, NAMESPACE)
    except NotFoundError:
        return "somebody deleted it"
    holder = str((lease.get("spec") or {}).get("holderIdentity") or "")
    if holder != held.holder:
        return f"{holder or 'nobody'} holds it now"
    body = _body(held, clock.now(), version=lease["metadata"]["resourceVersion"])
    body["spec"]["acquireTime"] = lease["spec"].get("acquireTime", body["spec"]["acquireTime"])
    cluster.replace("Lease", body, NAMESPACE)
    return ""


def _give_back(cluster: Cluster, held: HeldLease) -> None:
    """Delete the lease if it is still ours. Failing that it runs out by itself, so nothing is raised."""
    try:
        lease = cluster.get("Lease", held.name, NAMESPACE)
        if (lease.get("spec") or {}).get("holderIdentity") == held.holder:
            version = lease["metadata"]["resourceVersion"]
            cluster.delete("Lease", held.name, NAMESPACE, resource_version=version)
    except ClusterError as error:
        held.why = held.why or f"the lease {held.name} was not given back and runs out by itself: {error}"


def _body(held: HeldLease, now: datetime, *, version: str = "") -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": held.name, "labels": MANAGED, "annotations": {_TARGET: held.target}}
    if version:
        metadata["resourceVersion"] = version
    spec = {
        "holderIdentity": held.holder,
        "leaseDurationSeconds": max(1, round(held.ttl_s)),
        "acquireTime": micro_time(now),
        "renewTime": micro_time(now),
    }
    return {"metadata": metadata, "spec": spec}
