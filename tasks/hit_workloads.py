"""The workloads whose pods a run hits: who and how they are, and which disruption budgets cover them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from guardrails.facts import Disruption, WorkloadState
from windtunnel.clients.cluster import Cluster
from windtunnel.clients.owners import Owner, owner_of
from windtunnel.clients.readiness import workload_readiness, workload_trouble
from windtunnel.clients.selectors import selector_text
from windtunnel.clients.targets import PodRef, ResolvedTarget
from windtunnel.faults.radius import LOST_PODS
from windtunnel.model.selector import parse_selector
from windtunnel.model.ticket import ObjectRef, UndoTicket

BATCH = "job/"  # its pods do work that is begun again, and serve nobody: there is no last replica of it


@dataclass(frozen=True, slots=True)
class Owners:
    """The workloads by key ("shop/deployment/checkout"), and the key of each controller that pods name."""

    found: Mapping[str, Owner]
    keys: Mapping[tuple[str, str], str]  # (namespace, "replicaset/checkout-5d8f") -> key

    def key(self, pod: PodRef) -> str:
        """Return the key of the workload that a pod belongs to; a pod that nothing owns is its own."""
        if not pod.owner:
            return f"{pod.namespace}/pod/{pod.name}"
        return self.keys.get((pod.namespace, pod.owner.lower()), f"{pod.namespace}/{pod.owner.lower()}")


def owners(
    cluster: Cluster, target: ResolvedTarget, hit: Iterable[PodRef], tickets: Iterable[UndoTicket]
) -> Owners:
    """Return the workload of the target, and those that own the target's pods or pods to be hit."""
    found: dict[str, Owner] = {}
    keys: dict[tuple[str, str], str] = {}
    if target.workload:
        called = f"{target.workload['kind']}/{target.workload['metadata']['name']}".lower()
        found[f"{target.namespace}/{called}"] = Owner(called, target.workload)
        keys[target.namespace, called] = f"{target.namespace}/{called}"
    changed = (ref for ticket in tickets for ref in ticket.targets if ref.kind not in {"Pod", "Node"})
    asked = {(ref.namespace, ref.kind, ref.name) for ref in changed}
    for pod in (*target.pods, *hit):
        kind, _, name = pod.owner.partition("/")
        if name:
            asked.add((pod.namespace, kind, name))
    for namespace, kind, name in sorted(asked):
        direct = f"{kind}/{name}".lower()
        if (namespace, direct) not in keys:
            owner = owner_of(cluster, namespace, kind, name)
            keys[namespace, direct] = f"{namespace}/{owner.called}"
            found.setdefault(keys[namespace, direct], owner)
    return Owners(found, keys)


def states(
    target: ResolvedTarget, hit: Sequence[PodRef], known: Owners, tickets: Iterable[UndoTicket]
) -> Mapping[str, WorkloadState]:
    """Say of each workload how many of its pods are ready, and how many of those would be hit.

    Of the target's own workload all pods were seen: there the smaller of what was seen and what its status
    says counts. Of others the status is all there is; of kinds that are not known, the pods that are hit.
    """
    planned = Counter(known.key(pod) for pod in hit if pod.ready is not False)
    planned.update(lost(tickets))
    pods = {pod.uid: pod for pod in (*target.pods, *hit)}.values()
    seen = Counter(known.key(pod) for pod in pods if pod.ready is not False and not pod.terminating)
    result = {}
    for key, owner in known.found.items():
        if owner.workload is None:
            if not owner.called.startswith(BATCH):
                result[key] = WorkloadState(seen[key], planned[key])
            continue
        workload = owner.workload
        ready = workload_readiness(workload).ready
        if workload is target.workload:
            ready = min(ready, seen[key])
        result[key] = WorkloadState(ready, planned[key], workload_trouble(workload))
    for pod in hit:
        if not pod.owner:
            result[known.key(pod)] = WorkloadState(int(pod.ready is not False), int(pod.ready is not False))
    return result


def disruptions(
    cluster: Cluster,
    namespaces: Iterable[str],
    hit: Sequence[PodRef],
    known: Owners,
    tickets: Sequence[UndoTicket],
) -> tuple[Disruption, ...]:
    """Return every disruption budget that covers a pod to be hit, with what it allows and what is needed."""
    going = [(key.partition("/")[0], labels, count) for key, labels, count in _going(known, tickets)]
    result = []
    for namespace in sorted(namespaces) if hit or going else ():
        for budget in cluster.list("PodDisruptionBudget", namespace):
            if (written := (budget.get("spec") or {}).get("selector")) is None:
                continue  # selects nothing
            selector = parse_selector(selector_text(written))
            needed = sum(pod.namespace == namespace and selector.matches(pod.labels) for pod in hit)
            needed += sum(n for space, labels, n in going if space == namespace and selector.matches(labels))
            if needed:
                status, metadata = budget.get("status") or {}, budget["metadata"]
                stale = int(status.get("observedGeneration", 0)) < int(metadata.get("generation", 0))
                allowed = int(status.get("disruptionsAllowed", 0))
                result.append(Disruption(f"{namespace}/{metadata['name']}", allowed, needed, stale))
    return tuple(result)


def labels_of_pods_that_go(known: Owners, tickets: Sequence[UndoTicket]) -> tuple[Mapping[str, str], ...]:
    """Return the labels of pods that go without being named: those of their workload's template."""
    return tuple(labels for _, labels, _ in _going(known, tickets))


def lost(tickets: Iterable[UndoTicket]) -> Counter[str]:
    """Count the pods that workloads lose without their being named, by scaling down."""
    counted: Counter[str] = Counter()
    for ticket in tickets:
        if count := int(ticket.parameters.get(LOST_PODS, 0)):
            counted.update(
                {_ref_key(ref): count for ref in ticket.targets if ref.kind not in {"Pod", "Node"}}
            )
    return counted


def _going(known: Owners, tickets: Sequence[UndoTicket]) -> list[tuple[str, Mapping[str, str], int]]:
    counted = lost(tickets)
    return [
        (key, _template_labels(owner), counted[key]) for key, owner in known.found.items() if counted[key]
    ]


def _ref_key(ref: ObjectRef) -> str:
    return f"{ref.namespace}/{ref.kind}/{ref.name}".lower()


def _template_labels(owner: Owner) -> Mapping[str, str]:
    spec = (owner.workload or {}).get("spec") or {}
    return ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
