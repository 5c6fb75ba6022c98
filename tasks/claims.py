"""What a run must have for itself while it lives: its target, what it hits, and what the target needs."""

from collections.abc import Iterable, Iterator

from tasks.one_look import fresh_target
from tasks.prospect import Prospect
from windtunnel.clients.cluster import Cluster
from windtunnel.clients.kinds import split_reference
from windtunnel.clients.owners import top
from windtunnel.clients.targets import PodRef, ResolvedTarget, pod_ref
from windtunnel.faults.radius import planned_targets
from windtunnel.model.claim import Claim, Role, in_order, node_thing, workload_thing
from windtunnel.model.errors import NotFoundError, TargetError


def claims_of(run: Prospect) -> tuple[Claim, ...]:
    """Name every thing that *run* hits or needs, as the cluster has it now, in the order of taking.

    Raises:
        TargetError: the target, or a dependency, is not there.
        ClusterError: the cluster could not be asked.
    """
    target = fresh_target(run)
    return in_order((*_hit(run, target), *_needed(run)))


def _hit(run: Prospect, target: ResolvedTarget) -> Iterator[Claim]:
    tickets = [plan.ticket for plan in run.plans]
    refs = [ref for ticket in tickets for ref in ticket.targets]
    nodes = sorted({ref.name for ref in refs if ref.kind == "Node"})
    yield from (Claim(node_thing(name)) for name in nodes)
    for ref in refs:
        if ref.kind not in {"Pod", "Node"}:
            yield Claim(workload_thing(ref.namespace, f"{ref.kind}/{ref.name}"))
    if target.workload:
        kind, name = target.workload["kind"], target.workload["metadata"]["name"]
        yield Claim(workload_thing(target.namespace, f"{kind}/{name}"))
    planned = {ref.uid for ref in refs if ref.kind == "Pod"}
    leaving = [pod for pod in _pods_on(run.cluster, nodes) if pod.uid in planned]
    yield from _owners(run.cluster, (*target.pods, *leaving), planned)
    homeless = {ref.uid for t in tickets if planned_targets(t).nodes for ref in t.targets}
    for pod in target.pods:
        if pod.uid in planned - homeless and (node := pod.node or _home(run.cluster, pod)):
            yield Claim(node_thing(node), Role.HOME)


def _owners(cluster: Cluster, pods: Iterable[PodRef], planned: set[str]) -> Iterator[Claim]:
    """Yield what owns *pods*; a pod that nothing owns stands for itself, if it is hit."""
    owners: set[tuple[str, str]] = set()
    for pod in pods:
        if pod.owner:
            owners.add((pod.namespace, pod.owner))
        elif pod.uid in planned:
            yield Claim(workload_thing(pod.namespace, f"pod/{pod.name}"))
    for namespace, owner in sorted(owners):
        kind, _, name = owner.partition("/")
        called, _ = top(cluster, namespace, kind, name)
        yield Claim(workload_thing(namespace, called))


def _needed(run: Prospect) -> Iterator[Claim]:
    """Yield the dependencies. A name that is nobody's would protect nothing, so it is an error."""
    for thing in run.experiment.dependencies:
        namespace, _, reference = thing.partition("/")
        kind, name = split_reference(reference)
        try:
            called, _ = top(run.cluster, namespace, kind.kind, name)
        except NotFoundError as error:
            where = f"in {namespace} on {run.cluster.label}"
            msg = f"the dependency {reference} does not exist {where}; check dependencies"
            raise TargetError(msg) from error
        yield Claim(workload_thing(namespace, called), Role.NEEDED)


def _pods_on(cluster: Cluster, nodes: Iterable[str]) -> Iterator[PodRef]:
    for name in nodes:
        yield from map(pod_ref, cluster.list("Pod", fields=f"spec.nodeName={name}"))


def _home(cluster: Cluster, pod: PodRef) -> str:
    """Return the node of a pod of which only metadata was read."""
    try:
        return pod_ref(cluster.get("Pod", pod.name, pod.namespace)).node
    except NotFoundError:  # it is gone, and will not be hit
        return ""
