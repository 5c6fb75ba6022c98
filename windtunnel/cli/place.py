"""The cluster that an option names, by the policy found here."""

from pathlib import Path

from windtunnel.clients.cluster import Cluster, connect
from windtunnel.clients.installation import cluster_entry
from windtunnel.files import load_policies
from windtunnel.model.errors import InputError
from windtunnel.model.policy import Policy


def named_cluster(name: str) -> Cluster:
    """Connect to the cluster called *name*, or to the one of the current kube context.

    A policy that cannot be read stands in the way only where *name* is to be looked up in it.

    Raises:
        InputError: there is no such cluster, or the policy that would name it cannot be read.
        UnreachableError: there is no usable kubeconfig.
    """
    try:
        policy = load_policies(Path.cwd())
    except InputError:
        if name:
            raise
        policy = Policy()
    return connect(cluster_entry(policy, name))
