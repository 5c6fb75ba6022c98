"""The workloads whose pods a run hits: who and how they are, and which disruption budgets cover them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from guardrails.facts import Disruption, WorkloadState
from windtunnel.clients.cluster import Cluster
from windtunnel.clients.owners import Owner, owner_of
from windtunnel.clients.readiness import workload_readiness, workload_trouble
from windtunnel.clients.selectors import selector_text
from windtunnel.clients.targets import PodRef, ResolvedTarget
from windtunnel.faults.radius import LOST_PODS
from windtunnel.model.selector import parse_selector
from windtunnel.model.ticket import ObjectRef, UndoTicket

Found = Sequence[tuple[str, Owner]]  # each with its namespace


def owners(
    cluster: Cluster, target: ResolvedTarget, hit: Iterable[PodRef], tickets: Iterable[UndoTicket]
) -> tuple[tuple[str, Owner], ...]:
    """Return the workload of the target, and those that own the target's pods or pods to be hit."""
    found: dict[tuple[str, str], Owner] = {}
    if target.workload:
        called = f"{target.workload['kind']}/{target.workload['metadata']['name']}".lower()
        found[target.namespace, called] = Owner(called, target.workload)
    changed = {ref for ticket in tickets for ref in ticket.targets if ref.kind not in {"Pod", "Node"}}
    asked = {(ref.namespace, ref.kind, ref.name) for ref in changed}
    for pod in (*target.pods, *hit):
        kind, _, name = pod.owner.partition("/")
        if name:
            asked.add((pod.namespace, kind, name))
    for namespace, kind, name in sorted(asked):
        if (namespace, f"{kind}/{name}".lower()) not in found:
            owner = owner_of(cluster, namespace, kind, name)
            found.setdefault((namespace, owner.called), owner)
    return tuple((namespace, owner) for (namespace, _), owner in found.items())


def states(
    target: ResolvedTarget, hit: Sequence[PodRef], found: Found, tickets: Iterable[UndoTicket]
) -> Mapping[str, WorkloadState]:
    """Say of each workload how many of its pods are ready, and how many of those would be hit."""
    planned = Counter(_key(pod, found) for pod in hit if pod.ready is not False)
    planned.update(_lost(tickets))
    pods = {pod.uid: pod for pod in (*target.pods, *hit)}.values()
    seen = Counter(_key(pod, found) for pod in pods if pod.ready is not False and not pod.terminating)
    result = {}
    for namespace, owner in found:
        key = f"{namespace}/{owner.called}"
        if owner.workload is None:  # of a kind that is not known: what was seen of its pods must do
            result[key] = WorkloadState(seen[key], planned[key])
        else:
            ready = workload_readiness(owner.workload).ready
            result[key] = WorkloadState(ready, planned[key], workload_trouble(owner.workload))
    for pod in hit:
        if not pod.owner:
            result[_key(pod, found)] = WorkloadState(int(pod.ready is not False), int(pod.ready is not False))
    return result


def disruptions(
    cluster: Cluster,
    namespaces: Iterable[str],
    hit: Sequence[PodRef],
    found: Found,
    tickets: Sequence[UndoTicket],
) -> tuple[Disruption, ...]:
    """Return every disruption budget that covers a pod to be hit, with what it allows and what is needed."""
    lost = [
        (space, _template_labels(owner), count)
        for space, owner in found
        if (count := _lost(tickets)[f"{space}/{owner.called}"])
    ]
    result = []
    for namespace in sorted(namespaces) if hit or lost else ():
        for budget in cluster.list("PodDisruptionBudget", namespace):
            if (written := (budget.get("spec") or {}).get("selector")) is None:
                continue  # selects nothing
            selector = parse_selector(selector_text(written))
            needed = sum(pod.namespace == namespace and selector.matches(pod.labels) for pod in hit)
            needed += sum(
                count for space, labels, count in lost if space == namespace and selector.matches(labels)
            )
            if needed:
                status, metadata = budget.get("status") or {}, budget["metadata"]
                stale = int(status.get("observedGeneration", 0)) < int(metadata.get("generation", 0))
                allowed = int(status.get("disruptionsAllowed", 0))
                result.append(Disruption(f"{namespace}/{metadata['name']}", allowed, needed, stale))
    return tuple(result)


def _key(pod: PodRef, found: Found) -> str:
    """Return the key of the workload that a pod belongs to; a pod that nothing owns is its own."""
    if not pod.owner:
        return f"{pod.namespace}/pod/{pod.name}"
    direct = pod.owner.lower()
    for namespace, owner in found:
        if namespace == pod.namespace and (owner.called == direct or _owns(owner, direct)):
            return f"{namespace}/{owner.called}"
    return f"{pod.namespace}/{direct}"


def _owns(owner: Owner, direct: str) -> bool:
    """Say whether a ReplicaSet is one of a Deployment's: its name is the Deployment's and a hash."""
    kind, _, name = owner.called.partition("/")
    replica_set = direct.removeprefix("replicaset/")
    return kind == "deployment" and direct != replica_set and replica_set.rpartition("-")[0] == name


def _lost(tickets: Iterable[UndoTicket]) -> Counter[str]:
    """Count the pods that workloads lose without their being named, by scaling down."""
    lost: Counter[str] = Counter()
    for ticket in tickets:
        if count := int(ticket.parameters.get(LOST_PODS, 0)):
            lost.update({_ref_key(ref): count for ref in ticket.targets if ref.kind not in {"Pod", "Node"}})
    return lost


def _ref_key(ref: ObjectRef) -> str:
    return f"{ref.namespace}/{ref.kind}/{ref.name}".lower()


def _template_labels(owner: Owner) -> Mapping[str, str]:
    spec = (owner.workload or {}).get("spec") or {}
    return ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
