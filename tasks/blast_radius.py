"""What a run would hit, counted and named from the cluster: the fact behind caps, protection and opt-in."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from guardrails.facts import TargetSummary
from tasks.hit_nodes import nodes_named, troubles, zones
from tasks.hit_workloads import Owners, disruptions, labels_of_pods_that_go, lost, owners, states
from tasks.one_look import fresh_target
from tasks.prospect import Prospect
from windtunnel.clients.cluster import Cluster
from windtunnel.clients.selectors import selects
from windtunnel.clients.targets import PodRef, ResolvedTarget, pod_ref
from windtunnel.faults.radius import planned_targets
from windtunnel.faults.shape import Rule
from windtunnel.model.errors import NotFoundError
from windtunnel.model.ticket import UndoTicket

Object = Mapping[str, Any]
MOST_VICTIMS = 100  # that are looked at one by one, where only metadata of the target's pods was read
READS = (
    Rule("", ("nodes", "namespaces"), ("get",), cluster_wide=True),
    Rule("", ("pods", "services"), ("get", "list")),
    Rule("apps", ("deployments", "statefulsets", "daemonsets", "replicasets"), ("get", "list")),
    Rule("policy", ("poddisruptionbudgets",), ("list",)),
)
"""What is read here of every target; a fault names what it needs beyond it."""


@dataclass(frozen=True, slots=True)
class Hits:
    """The pods and nodes that the prepared tickets take away."""

    pods: tuple[PodRef, ...]
    drained: tuple[PodRef, ...]  # those of *pods* that leave because their node is drained
    nodes: tuple[str, ...]
    unseen: str = ""


def summarise(run: Prospect) -> TargetSummary:
    """Resolve the target anew and say what the prepared tickets would hit on it."""
    target = fresh_target(run)
    tickets = [plan.ticket for plan in run.plans]
    hits = _hits(run.cluster, target, tickets)
    known = owners(run.cluster, target, hits.pods, tickets)
    homes = {pod.node for pod in hits.pods if pod.node} | {node.name for node in target.nodes}
    nodes = nodes_named(run.cluster, {*hits.nodes, *homes})
    names = {pod.namespace for pod in hits.drained} | ({target.namespace} - {""})
    spaces = {name: run.cluster.get("Namespace", name)["metadata"] for name in sorted(names)}
    hit_nodes = {*hits.nodes, *(pod.node for pod in hits.pods if pod.node)}
    going = sum(lost(tickets).values())
    return TargetSummary(
        namespace=target.namespace,
        workload_labels=target.labels,
        namespace_labels=target.namespace_labels,
        labels_of_namespaces={name: metadata.get("labels") or {} for name, metadata in spaces.items()},
        pods=len(target.candidates),
        planned_pods=sum(_pods_hit(ticket) for ticket in tickets),
        planned_nodes=len(hits.nodes),
        node_labels={name: nodes[name]["metadata"].get("labels") or {} for name in hits.nodes},
        namespaces=frozenset(names),
        workloads=frozenset(_names(known)),
        owner_labels={_where(key): owner.labels for key, owner in known.found.items()},
        annotations=_annotations(spaces, known),
        services=frozenset(_services(run.cluster, target, hits.drained)),
        pod_labels=_different((*(pod.labels for pod in hits.pods), *labels_of_pods_that_go(known, tickets))),
        zones=zones(nodes, hit_nodes) | frozenset(sorted(zones(nodes, homes))[:going]),
        states=states(target, hits.pods, known, tickets),
        node_troubles=troubles(nodes),
        disruptions=disruptions(run.cluster, names, hits.pods, known, tickets),
        unseen=hits.unseen,
    )


def _hits(cluster: Cluster, target: ResolvedTarget, tickets: Iterable[UndoTicket]) -> Hits:
    refs = [ref for ticket in tickets for ref in ticket.targets]
    nodes = tuple(sorted({ref.name for ref in refs if ref.kind == "Node"}))
    leaving = {ref.uid for ref in refs if ref.kind == "Pod"}
    drained = tuple(
        pod_ref(pod)
        for name in nodes
        for pod in cluster.list("Pod", fields=f"spec.nodeName={name}")
        if pod["metadata"]["uid"] in leaving  # a drain leaves the pods of daemon sets where they are
    )
    known = {pod.uid for pod in drained}
    chosen = [pod for pod in target.pods if pod.uid in leaving - known]
    unknown = [pod for pod in chosen if not pod.node and pod.ready is None]
    if len(unknown) > MOST_VICTIMS:
        unseen = f"the nodes of {len(unknown)} pods to be hit were not looked up; {MOST_VICTIMS} are the most"
        return Hits((*drained, *chosen), drained, nodes, unseen)
    seen = [_whole(cluster, pod) if pod in unknown else pod for pod in chosen]
    return Hits((*drained, *seen), drained, nodes)


def _whole(cluster: Cluster, pod: PodRef) -> PodRef:
    try:
        return pod_ref(cluster.get("Pod", pod.name, pod.namespace))
    except NotFoundError:  # it is gone, and will not be hit
        return pod


def _pods_hit(ticket: UndoTicket) -> int:
    """Count the pods hit as pods; those that leave with their node are counted by the node."""
    radius = planned_targets(ticket)
    return 0 if radius.nodes else radius.pods


def _names(known: Owners) -> Iterator[str]:
    """Yield the names of all workloads, and of what stands above them."""
    for owner in known.found.values():
        yield owner.called
        if owner.above:
            yield owner.above


def _where(key: str) -> str:
    """Turn shop/deployment/checkout into deployment/checkout in shop."""
    namespace, _, called = key.partition("/")
    return f"{called} in {namespace}"


def _annotations(spaces: Mapping[str, Object], known: Owners) -> Mapping[str, Mapping[str, str]]:
    return {
        **{f"namespace {name}": metadata.get("annotations") or {} for name, metadata in spaces.items()},
        **{_where(key): owner.annotations for key, owner in known.found.items()},
    }


def _services(cluster: Cluster, target: ResolvedTarget, drained: Iterable[PodRef]) -> Iterable[str]:
    yield from (f"{target.namespace}/{name}" for name in target.services)
    by_namespace: dict[str, list[Mapping[str, str]]] = {}
    for pod in drained:
        by_namespace.setdefault(pod.namespace, []).append(pod.labels)
    for namespace, labels in by_namespace.items():
        for service in cluster.list("Service", namespace):
            if any(selects(service["spec"].get("selector"), each) for each in labels):
                yield f"{namespace}/{service['metadata']['name']}"


def _different(labels: Iterable[Mapping[str, str]]) -> tuple[Mapping[str, Any], ...]:
    return tuple(dict(each) for each in sorted({tuple(sorted(one.items())) for one in labels}))
