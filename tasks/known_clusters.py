"""Every cluster on which runs of this installation may have left something."""

from collections.abc import Mapping

from tasks.opening import of_this_installation
from windtunnel.clients.cluster import Cluster, connect
from windtunnel.clients.installation import LAB, cluster_entry, running_lab
from windtunnel.model.errors import UnreachableError
from windtunnel.model.policy import Policy


def known_clusters() -> Mapping[str, Cluster]:
    """Return the clusters that the installation's policy names, the running lab, and the kube context's.

    Raises:
        InputError: the policy or the lab's file cannot be read.
        UnreachableError: a cluster of the policy has no usable kubeconfig.
    """
    policy = of_this_installation() or Policy()
    named = {name: connect(cluster_entry(policy, name)) for name in policy.clusters}
    if LAB not in named and running_lab() is not None:
        named[LAB] = connect(cluster_entry(policy, LAB))
    return named | _of_the_context()


def _of_the_context() -> dict[str, Cluster]:
    """Return the cluster of the current kube context, if there is one."""
    try:
        return {"": connect(cluster_entry(Policy(), ""))}
    except UnreachableError:
        return {}
