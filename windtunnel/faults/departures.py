"""Whether a pod that was asked to go is going: the answer to the request may be lost, or untrue."""

from windtunnel.clients.cluster import Cluster
from windtunnel.model.errors import ClusterError, NotFoundError
from windtunnel.model.ticket import ObjectRef


def is_going(cluster: Cluster, ref: ObjectRef) -> bool:
    """Say whether the very pod is terminating or gone.

    Raises:
        ClusterError: it could not be read.
    """
    try:
        found = cluster.get("Pod", ref.name, ref.namespace)["metadata"]
    except NotFoundError:
        return True
    return found["uid"] != ref.uid or bool(found.get("deletionTimestamp"))


def seems_going(cluster: Cluster, ref: ObjectRef) -> bool:
    """Say whether a pod asked to go is going; when that cannot be told, the worse is assumed: it is."""
    try:
        return is_going(cluster, ref)
    except ClusterError:
        return True


def went_all_the_same(cluster: Cluster, ref: ObjectRef, error: ClusterError) -> bool:
    """Say whether a request to go, that failed with *error*, had its effect."""
    return not error.is_refusal and seems_going(cluster, ref)
