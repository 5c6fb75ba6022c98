"""Whose pods they are: from the controller that a pod names to the workload above it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from windtunnel.clients.cluster import Cluster
from windtunnel.clients.readiness import controller
from windtunnel.clients.targets import WORKLOADS


@dataclass(frozen=True, slots=True)
class Owner:
    """The highest workload of a kind that windtunnel knows above a pod, and its object.

    *above* names the controller above that one, of a kind that is not known (an operator's resource, say);
    where the pod's own controller is such a one, there is no object, and *called* names it.
    """

    called: str  # kind/name
    workload: Mapping[str, Any] | None = None
    above: str = ""

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels; none where it was not read."""
        return ((self.workload or {}).get("metadata") or {}).get("labels") or {}

    @property
    def annotations(self) -> Mapping[str, str]:
        """Its annotations; none where it was not read."""
        return ((self.workload or {}).get("metadata") or {}).get("annotations") or {}


def owner_of(cluster: Cluster, namespace: str, kind: str, name: str) -> Owner:
    """Return the workload that owns what a pod names as its controller.

    A ReplicaSet of a Deployment counts as the Deployment.
    """
    called = f"{kind}/{name}".lower()
    if kind not in WORKLOADS:
        return Owner(called)
    found = {"kind": kind, **cluster.get(kind, name, namespace)}
    above = controller(found)
    if above is None:
        return Owner(called, found)
    if above["kind"] not in WORKLOADS:
        return Owner(called, found, f"{above['kind']}/{above['name']}".lower())
    return owner_of(cluster, namespace, str(above["kind"]), str(above["name"]))


def top(cluster: Cluster, namespace: str, kind: str, name: str) -> tuple[str, Mapping[str, str]]:
    """Return the highest name above a pod's controller, known or not, and the labels that were read."""
    owner = owner_of(cluster, namespace, kind, name)
    return owner.above or owner.called, owner.labels
