"""The nodes that a run hits, and those that its target lives on."""

from collections.abc import Iterable, Mapping
from typing import Any

from windtunnel.clients.cluster import Cluster
from windtunnel.clients.readiness import node_trouble
from windtunnel.model.errors import NotFoundError

ZONE = "topology.kubernetes.io/zone"
ONE_BY_ONE = 20  # nodes that are read by name; for more, all are listed


def nodes_named(cluster: Cluster, names: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
    """Read nodes by name.

    Raises:
        ClusterError: one could not be read, or is not there.
    """
    wanted = sorted(set(names))
    if len(wanted) <= ONE_BY_ONE:
        return {name: cluster.get("Node", name) for name in wanted}
    found = {node["metadata"]["name"]: node for node in cluster.list("Node")}
    if missing := [name for name in wanted if name not in found]:
        msg = f"{len(missing)} nodes are not there any more on {cluster.label}: {', '.join(missing[:5])}"
        raise NotFoundError(msg)
    return {name: found[name] for name in wanted}


def zones(nodes: Mapping[str, Mapping[str, Any]], hit: Iterable[str]) -> frozenset[str]:
    """Return the zones of the nodes called *hit*; a node without that label is a zone of its own."""
    return frozenset(
        (nodes[name]["metadata"].get("labels") or {}).get(ZONE) or f"node {name}"
        for name in hit
        if name in nodes
    )


def troubles(nodes: Mapping[str, Mapping[str, Any]]) -> Mapping[str, str]:
    """Return what is the matter with each node that something is the matter with."""
    found = {name: node_trouble(node) for name, node in sorted(nodes.items())}
    return {name: trouble for name, trouble in found.items() if trouble}
