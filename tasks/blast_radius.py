"""What a run would hit, counted and named from the cluster: the fact behind caps, protection and opt-in."""

from collections.abc import Iterable, Mapping
from typing import Any

from guardrails.facts import TargetSummary
from tasks.prospect import Prospect
from windtunnel.clients.cluster import Cluster
from windtunnel.clients.readiness import controller
from windtunnel.clients.selectors import selects
from windtunnel.clients.targets import WORKLOADS, ResolvedTarget, resolve
from windtunnel.faults.radius import planned_targets
from windtunnel.model.ticket import ObjectRef, UndoTicket

Object = Mapping[str, Any]


def summarise(run: Prospect) -> TargetSummary:
    """Resolve the target anew and say what the prepared tickets would hit on it."""
    target = resolve(run.experiment.target, run.cluster)
    refs = [ref for plan in run.plans for ref in plan.ticket.targets]
    nodes = sorted({ref.name for ref in refs if ref.kind == "Node"})
    leaving = {ref.uid for ref in refs if ref.kind == "Pod"}
    drained = [
        pod
        for name in nodes
        for pod in run.cluster.list("Pod", fields=f"spec.nodeName={name}")
        if pod["metadata"]["uid"] in leaving  # a drain leaves the pods of daemon sets where they are
    ]
    namespaces = {pod["metadata"]["namespace"] for pod in drained} | ({target.namespace} - {""})
    owners = _owners(run.cluster, target, drained, refs)
    return TargetSummary(
        namespace=target.namespace,
        workload_labels=target.labels,
        namespace_labels=target.namespace_labels,
        pods=len(target.candidates),
        planned_pods=sum(_pods_hit(plan.ticket) for plan in run.plans),
        planned_nodes=len(nodes),
        node_labels={name: _labels(run.cluster.get("Node", name)) for name in nodes},
        namespaces=frozenset(namespaces),
        workloads=frozenset(name for _, name in owners),
        owner_labels={f"{name} in {namespace}": labels for (namespace, name), labels in owners.items()},
        services=frozenset(_services(run.cluster, target, drained)),
    )


def _pods_hit(ticket: UndoTicket) -> int:
    """Count the pods hit as pods; those that leave with their node are counted by the node."""
    radius = planned_targets(ticket)
    return 0 if radius.nodes else radius.pods


def _owners(
    cluster: Cluster, target: ResolvedTarget, drained: Iterable[Object], refs: Iterable[ObjectRef]
) -> Mapping[tuple[str, str], Mapping[str, str]]:
    """Return the controllers of everything hit, by namespace and name, with their labels.

    A pod of a ReplicaSet counts as its Deployment's.
    """
    found: dict[tuple[str, str], Mapping[str, str]] = {}
    for ref in refs:
        if ref.kind not in {"Pod", "Node"}:
            found[ref.namespace, f"{ref.kind}/{ref.name}".lower()] = {}
    if target.workload:
        name = f"{target.workload['kind']}/{target.workload['metadata']['name']}".lower()
        found[target.namespace, name] = target.labels
    owners = {
        (pod["metadata"]["namespace"], owner["kind"], owner["name"])
        for pod in drained
        if (owner := controller(pod))
    }
    for pod in target.pods:
        kind, _, name = pod.owner.partition("/")
        if name:
            owners.add((pod.namespace, kind, name))
    for namespace, kind, name in sorted(owners):
        top, labels = _top(cluster, namespace, kind, name)
        found[namespace, top] = labels
    return found


def _top(cluster: Cluster, namespace: str, kind: str, name: str) -> tuple[str, Mapping[str, str]]:
    """Return the workload that owns what a pod names as its controller, with its labels."""
    called = f"{kind}/{name}".lower()
    if kind not in WORKLOADS:
        return called, {}
    owner = cluster.get(kind, name, namespace)
    above = controller(owner)
    if above is None:
        return called, _labels(owner)
    return _top(cluster, namespace, str(above["kind"]), str(above["name"]))


def _services(cluster: Cluster, target: ResolvedTarget, drained: Iterable[Object]) -> Iterable[str]:
    yield from (f"{target.namespace}/{name}" for name in target.services)
    by_namespace: dict[str, list[Mapping[str, str]]] = {}
    for pod in drained:
        by_namespace.setdefault(pod["metadata"]["namespace"], []).append(_labels(pod))
    for namespace, labels in by_namespace.items():
        for service in cluster.list("Service", namespace):
            if any(selects(service["spec"].get("selector"), each) for each in labels):
                yield f"{namespace}/{service['metadata']['name']}"


def _labels(found: Object) -> Mapping[str, str]:
    return found["metadata"].get("labels") or {}
