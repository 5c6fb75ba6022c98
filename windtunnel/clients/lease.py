"""One lease on one thing: while a run holds it, no other run may touch that thing.

Kept as a coordination.k8s.io Lease in windtunnel's namespace and changed only at the version that was read,
so that of two runs that try at once, one wins. Times are compared with this machine's clock: machines that
share a cluster must agree on the time to within the lease's length.

A lease that names a run but no readable time counts as held, for nobody can say that it is not; the refusal
says how to remove it.
"""

from windtunnel.clients.cluster import Cluster
from windtunnel.clients.contended import until_settled
from windtunnel.clients.lease_body import (
    Asking,
    Occupant,
    body,
    in_the_way,
    micro_time,
    others_on,
    taken_away,
    words,
)
from windtunnel.clients.own_namespace import NAMESPACE
from windtunnel.clock import Clock
from windtunnel.model.errors import ConflictError, LeaseHeldError, NotFoundError


def take(cluster: Cluster, asking: Asking, clock: Clock) -> None:
    """Create the lease, or take over or join one that is not in the way.

    Raises:
        LeaseHeldError: another run holds it; the error names the run, the thing and until when.
        ClusterError: it could not be asked for; the lease may be ours all the same.
    """

    def once() -> None:
        try:
            cluster.create("Lease", body(asking, clock.now()), NAMESPACE)
        except ConflictError:
            _take_over(cluster, asking, clock)

    until_settled(clock, once)


def renew(cluster: Cluster, asking: Asking, clock: Clock) -> str:
    """Renew the lease; return why it is lost, or "" when it is ours.

    Raises:
        ClusterError: it could not be asked, or renewed.
    """

    def once() -> str:
        lease = cluster.get("Lease", asking.name, NAMESPACE)
        if why := taken_away(lease, asking):
            return why
        cluster.replace("Lease", body(asking, clock.now(), lease), NAMESPACE)
        return ""

    try:  # a conflict is another thread of ours, or a run that shares it
        return until_settled(clock, once)
    except NotFoundError:
        return "somebody deleted it"


def give_back(cluster: Cluster, asking: Asking, clock: Clock) -> None:
    """Delete the lease if it is still ours, or leave it to those who share it.

    Raises:
        ClusterError: it could not be given back; it runs out by itself.
    """

    def once() -> None:
        lease = cluster.get("Lease", asking.name, NAMESPACE)
        if taken_away(lease, asking):
            return
        now = clock.now()
        if any(other.shared and other.holds_at(now) for other in others_on(lease, asking)):
            cluster.replace("Lease", body(asking, now, lease, leaving=True), NAMESPACE)
        else:
            version = str(lease["metadata"]["resourceVersion"])
            cluster.delete("Lease", asking.name, NAMESPACE, resource_version=version)

    try:
        until_settled(clock, once)
    except NotFoundError:
        return


def _take_over(cluster: Cluster, asking: Asking, clock: Clock) -> None:
    """Take or join the lease that is there; one that goes away meanwhile is a conflict like any other."""
    try:
        lease = cluster.get("Lease", asking.name, NAMESPACE)
        now = clock.now()
        if other := in_the_way(lease, asking.claim, asking.run_id, now):
            raise _refusal(asking, other)
        cluster.replace("Lease", body(asking, now, lease), NAMESPACE)
    except NotFoundError as error:
        raise ConflictError(str(error), status=error.status, reason=error.reason) from error


def _refusal(asking: Asking, other: Occupant) -> LeaseHeldError:
    thing = asking.claim.thing
    until = micro_time(other.until) if other.until else ""
    message = f"{thing} {words(other, asking.name)}"
    return LeaseHeldError(message, holder=other.run_id, until=until, thing=thing)
