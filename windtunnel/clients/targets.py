"""What an experiment's target is right now: the workload, its pods and nodes, read as sparingly as can be."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from windtunnel.clients.cluster import PAGE, Cluster
from windtunnel.clients.kinds import split_reference
from windtunnel.clients.readiness import controller, is_finished, pod_is_ready
from windtunnel.clients.selectors import selector_text, selects
from windtunnel.model.errors import ClusterError, InputError, NotFoundError, TargetError
from windtunnel.model.experiment import Target

Object = dict[str, Any]
WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"})
_BAD_REQUEST = 400


@dataclass(frozen=True, slots=True)
class PodRef:
    """One pod. *node* and *ready* are known for targets of up to 500 pods; beyond that metadata is read."""

    name: str
    uid: str
    namespace: str = ""
    node: str = ""
    ready: bool | None = None  # None: not looked at
    created: str = ""  # RFC 3339, as the server writes it
    owner: str = ""  # "ReplicaSet/checkout-5d8f", the controller that replaces it; empty: nothing does
    terminating: bool = False
    labels: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class NodeRef:
    """One node. *uid* is empty and the rest unknown where a node is only known as the home of a pod."""

    name: str
    uid: str = ""
    ready: bool | None = None
    schedulable: bool | None = None


@dataclass(frozen=True, slots=True)
class ResolvedTarget:
    """What a target means now. *labels* are the workload's, or those that all selected pods share."""

    namespace: str = ""
    workload: Object | None = None  # the whole object; None for selectors and nodes
    labels: Mapping[str, str] = field(default_factory=dict)
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    pods: tuple[PodRef, ...] = ()
    nodes: tuple[NodeRef, ...] = ()  # the candidates of a node target, or the homes of the pods
    replicas: int | None = None  # as the workload wants; None where there is no workload
    services: tuple[str, ...] = ()  # names of the Services that send traffic to these pods
    selector: str = ""  # the label selector that gives the pods

    @property
    def candidates(self) -> tuple[PodRef, ...]:
        """Return the pods that are not already on their way out."""
        return tuple(pod for pod in self.pods if not pod.terminating)


def resolve(target: Target, cluster: Cluster) -> ResolvedTarget:
    """Ask the cluster what *target* means at this moment.

    Raises:
        TargetError: the target, or a part of its name, is not there; nothing is chosen in its place.
        ClusterError: the cluster could not be asked.
    """
    if target.nodes:
        return _nodes(target, cluster)
    namespace = _namespace(target, cluster)
    if target.workload:
        return _workload(target, cluster, namespace)
    if target.selector:
        return _selected(target, cluster, namespace)
    msg = "the target names neither a workload nor a selector nor nodes"
    raise TargetError(msg)


def pods_of(cluster: Cluster, workload: Mapping[str, Any], namespace: str) -> tuple[PodRef, ...]:
    """Return the pods that *workload* controls; pods that merely look alike are left out."""
    selector = selector_text(workload["spec"].get("selector") or {})
    owners = {str(workload["metadata"]["uid"])}
    if workload.get("kind") == "Deployment":
        sets = cluster.list("ReplicaSet", namespace, labels=selector, metadata_only=True)
        owners = {str(rs["metadata"]["uid"]) for rs in sets if _owner_uid(rs) in owners}
    found = _list_pods(cluster, namespace, labels=selector)
    return tuple(pod_ref(pod) for pod in found if _owner_uid(pod) in owners)


def pod_ref(pod: Mapping[str, Any]) -> PodRef:
    """Keep what matters of a pod, given whole or as metadata."""
    metadata, spec = pod["metadata"], pod.get("spec")
    owner = controller(pod)
    return PodRef(
        name=metadata["name"],
        uid=metadata["uid"],
        namespace=metadata.get("namespace", ""),
        node=str((spec or {}).get("nodeName", "")),
        ready=pod_is_ready(pod) if spec else None,
        created=str(metadata.get("creationTimestamp", "")),
        owner=f"{owner['kind']}/{owner['name']}" if owner else "",
        terminating=bool(metadata.get("deletionTimestamp")),
        labels=metadata.get("labels") or {},
    )


def node_ref(node: Mapping[str, Any]) -> NodeRef:
    """Keep what matters of a node."""
    return NodeRef(
        name=node["metadata"]["name"],
        uid=node["metadata"]["uid"],
        ready=pod_is_ready(node),
        schedulable=not (node.get("spec") or {}).get("unschedulable", False),
    )


def _namespace(target: Target, cluster: Cluster) -> Object:
    if not target.namespace:
        msg = f"the target {target} has no namespace"
        raise TargetError(msg)
    try:
        return cluster.get("Namespace", target.namespace)
    except NotFoundError as error:
        msg = f"the namespace {target.namespace!r} does not exist on {cluster.label}; check target.namespace"
        raise TargetError(msg) from error


def _workload(target: Target, cluster: Cluster, namespace: Object) -> ResolvedTarget:
    try:
        kind, name = split_reference(target.workload)
    except InputError as error:
        raise TargetError(str(error)) from error
    if kind.kind not in WORKLOADS:
        msg = f"{target.workload} is no workload; write deployment/, statefulset/, daemonset/ or replicaset/"
        raise TargetError(msg)
    try:
        workload: Object = {"kind": kind.kind, **cluster.get(kind, name, target.namespace)}
    except NotFoundError as error:
        where = f"in {target.namespace} on {cluster.label}"
        msg = f"{target.workload} does not exist {where}; check target.workload"
        raise TargetError(msg) from error
    pods = pods_of(cluster, workload, target.namespace)
    template = (workload["spec"].get("template") or {}).get("metadata") or {}
    replicas = workload["spec"].get("replicas", 1) if kind.kind != "DaemonSet" else len(pods)
    return ResolvedTarget(
        namespace=target.namespace,
        workload=workload,
        labels=workload["metadata"].get("labels") or {},
        namespace_labels=namespace["metadata"].get("labels") or {},
        pods=pods,
        nodes=_homes(pods),
        replicas=int(replicas),
        services=_services(cluster, target.namespace, template.get("labels") or {}),
        selector=selector_text(workload["spec"].get("selector") or {}),
    )


def _selected(target: Target, cluster: Cluster, namespace: Object) -> ResolvedTarget:
    shared: dict[str, str] | None = None
    kinds: set[frozenset[tuple[str, str]]] = set()  # the different sets of labels, few even of many pods
    pods: list[PodRef] = []
    try:
        for pod in _list_pods(cluster, target.namespace, labels=target.selector):
            labels = pod["metadata"].get("labels") or {}
            shared = labels if shared is None else dict(shared.items() & labels.items())
            kinds.add(frozenset(labels.items()))
            pods.append(pod_ref(pod))
    except ClusterError as error:
        if error.status == _BAD_REQUEST:
            msg = f"the selector {target.selector!r} is not one that Kubernetes understands: {error}"
            raise TargetError(msg) from error
        raise
    if not pods:
        msg = f"no pod in {target.namespace} matches {target.selector!r} on {cluster.label}"
        raise TargetError(msg)
    return ResolvedTarget(
        namespace=target.namespace,
        labels=shared or {},
        namespace_labels=namespace["metadata"].get("labels") or {},
        pods=tuple(pods),
        nodes=_homes(pods),
        services=_services(cluster, target.namespace, *map(dict, kinds)),
        selector=target.selector,
    )


def _nodes(target: Target, cluster: Cluster) -> ResolvedTarget:
    prefix, _, name = target.nodes.partition("/")
    if name and prefix in {"node", "nodes", "no"} and "=" not in name:
        try:
            node = cluster.get("Node", name)
        except NotFoundError as error:
            msg = f"the node {name!r} does not exist on {cluster.label}; check target.nodes"
            raise TargetError(msg) from error
        return ResolvedTarget(nodes=(node_ref(node),), labels=node["metadata"].get("labels") or {})
    try:
        nodes = list(cluster.list("Node", labels=target.nodes))
    except ClusterError as error:
        if error.status == _BAD_REQUEST:
            msg = f"target.nodes {target.nodes!r} is neither node/NAME nor a label selector: {error}"
            raise TargetError(msg) from error
        raise
    if not nodes:
        msg = f"no node matches {target.nodes!r} on {cluster.label}"
        raise TargetError(msg)
    all_labels = [set((node["metadata"].get("labels") or {}).items()) for node in nodes]
    return ResolvedTarget(
        nodes=tuple(node_ref(node) for node in nodes), labels=dict(set.intersection(*all_labels))
    )


def _list_pods(cluster: Cluster, namespace: str, *, labels: str) -> Iterator[Object]:
    """Yield pods that have not ended: whole ones if they fit on one page, else their metadata alone."""
    page, more = cluster.first_page("Pod", namespace, labels=labels, limit=PAGE)
    if not more:
        yield from (pod for pod in page if not is_finished(pod))
        return
    del page
    yield from cluster.list("Pod", namespace, labels=labels, metadata_only=True)


def _services(cluster: Cluster, namespace: str, *kinds: Mapping[str, str]) -> tuple[str, ...]:
    """Name the services that send traffic to pods with one of these sets of labels."""
    found = (
        service["metadata"]["name"]
        for service in cluster.list("Service", namespace)
        if any(selects(service["spec"].get("selector"), labels) for labels in kinds)
    )
    return tuple(sorted(found))


def _homes(pods: Iterable[PodRef]) -> tuple[NodeRef, ...]:
    return tuple(NodeRef(name) for name in sorted({pod.node for pod in pods if pod.node}))


def _owner_uid(item: Mapping[str, Any]) -> str:
    owner = controller(item)
    return str(owner["uid"]) if owner else ""
