"""node-drain: cordon nodes and evict their pods, as every upgrade does; undo lifts the cordon.

Evictions respect disruption budgets: a refused one is asked for again until `timeout`, as `kubectl drain`
does. Pods come back through their controllers, on other nodes, and do not move back after undo.
"""

import threading
from collections.abc import Mapping
from typing import Any

from windtunnel.clients.cluster import Cluster
from windtunnel.clients.targets import NodeRef, ResolvedTarget, node_ref
from windtunnel.clock import SystemClock
from windtunnel.faults.cordon import UNSCHEDULABLE, cordon, is_cordoned, uncordon
from windtunnel.faults.evictions import Evictions, objection
from windtunnel.faults.marked_change import mark_of
from windtunnel.faults.parameters import DURATION_SCHEMA, seconds, whole
from windtunnel.faults.selection import choose, how_many
from windtunnel.faults.shape import Fault, FaultStatus, Injection, Planning, Rule, Stop
from windtunnel.model.errors import ClusterError, FaultError, NotFoundError
from windtunnel.model.ticket import ObjectRef, UndoReport, UndoStep, UndoTicket

NAME = "node-drain"
_CLOCK = SystemClock()
_NAMED = 10

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "count": {
            "type": "integer",
            "minimum": 1,
            "description": "How many of the target's nodes, or of those that its pods run on. Default: 1.",
        },
        "timeout": {
            **DURATION_SCHEMA,
            "description": "How long disruption budgets may delay evictions. Default: 60s.",
        },
        "grace": {**DURATION_SCHEMA, "description": "Grace period of evicted pods. Default: each pod's own."},
        "force": {
            "type": "boolean",
            "description": "Also evict pods that nothing brings back, or with local data. Default: false.",
        },
    },
}

RBAC = (
    Rule("", ("nodes",), ("get", "list", "watch", "patch"), cluster_wide=True),
    Rule("", ("pods",), ("get", "list", "watch"), cluster_wide=True),
    Rule("", ("pods/eviction",), ("create",), cluster_wide=True),
    Rule("policy", ("poddisruptionbudgets",), ("list",), cluster_wide=True),
    # whose pods they are, and behind which services: what a drain hits is known before it begins
    Rule("", ("services",), ("list",), cluster_wide=True),
    Rule("apps", ("deployments", "statefulsets", "daemonsets", "replicasets"), ("get",), cluster_wide=True),
)
UNDO_RBAC = (Rule("", ("nodes",), ("get", "patch"), cluster_wide=True),)


def prepare(planning: Planning, parameters: Mapping[str, Any]) -> UndoTicket:
    """Choose the nodes and list the pods that have to go; change nothing.

    Raises:
        FaultError: no node to drain, none left to take the pods, or pods that would be lost for good.
    """
    nodes = _chosen(planning, parameters)
    force = bool(parameters.get("force", False))
    cordons = tuple(
        UndoStep(_ref(n), UNSCHEDULABLE, before=None, changed_to=True) for n in nodes if n.schedulable
    )
    grace = round(seconds(parameters, "grace", 0.0)) if "grace" in parameters else None
    return UndoTicket(
        run_id=planning.run_id,
        fault=NAME,
        targets=(*(_ref(n) for n in nodes), *_evictable(planning.cluster, nodes, force=force)),
        steps=cordons,
        parameters={"grace_s": grace, "timeout_s": seconds(parameters, "timeout", 60.0), "force": force},
        created_at=planning.now,
        expires_at=planning.expires_at,
        cluster=planning.cluster.name,
    )


def inject(cluster: Cluster, ticket: UndoTicket, *, stop: Stop = None) -> Injection:
    """Cordon the nodes, evict the planned pods, and wait until they have left.

    Raises:
        FaultError: a node could not be cordoned, or a pod not be evicted in time; `hit` says what was.
    """
    cordoned: list[ObjectRef] = []
    remaining_s = (ticket.expires_at - _CLOCK.now()).total_seconds()
    evictions = Evictions(
        cluster,
        _CLOCK,
        until=_CLOCK.monotonic() + min(float(ticket.parameters["timeout_s"]), remaining_s),
        stop=stop or threading.Event(),
        grace_s=ticket.parameters["grace_s"],
    )

    def failure(why: str) -> FaultError:
        hit = (*cordoned, *evictions.accepted)
        return FaultError(f"drained in part ({len(evictions.accepted)} pods evicted): {why}", hit=hit)

    for step in ticket.steps:
        try:
            cordon(cluster, step, run_id=ticket.run_id)
        except FaultError as error:
            raise FaultError(str(error), hit=(*cordoned, *error.hit)) from error
        cordoned.append(step.ref)
    evictions.evict([ref for ref in ticket.targets if ref.kind == "Pod"], failure)
    drained = [ref for ref in ticket.targets if ref.kind == "Node"]
    try:
        left = sum(evictions.wait_until_gone(ref.name) for ref in drained)
    except ClusterError as error:
        msg = f"whether the pods have left cannot be told: {error}"
        raise failure(msg) from error
    names = ", ".join(ref.name for ref in drained)
    still = [f"{left} of them are still terminating"] if left else []
    told = f"drained {names}: {len(evictions.accepted)} pods evicted"
    return Injection((*drained, *evictions.accepted), "; ".join([told, *still, *evictions.missed[:_NAMED]]))


def status(cluster: Cluster, ticket: UndoTicket) -> FaultStatus:
    """Say whether our cordons stand."""
    ours = []
    for step in ticket.steps:
        try:
            node = cluster.get("Node", step.ref.name)
        except NotFoundError:
            ours.append(False)
        else:
            ours.append(is_cordoned(node) and mark_of(node) == ticket.run_id)
    if any(ours):
        return FaultStatus.ACTIVE
    return FaultStatus.PENDING if _any_pod_left(cluster, ticket) else FaultStatus.OVER


def undo(cluster: Cluster, ticket: UndoTicket) -> UndoReport:
    """Uncordon every node that this run cordoned, and no other."""
    steps = tuple(uncordon(cluster, step, run_id=ticket.run_id) for step in reversed(ticket.steps))
    return UndoReport(ticket.id, steps)


def _chosen(planning: Planning, parameters: Mapping[str, Any]) -> tuple[NodeRef, ...]:
    everything = {node["metadata"]["name"]: node_ref(node) for node in planning.cluster.list("Node")}
    named = _candidates(planning.target, everything)
    open_nodes = [node for node in named if node.schedulable]
    candidates = open_nodes or named  # nodes that are cordoned already may be drained, and stay cordoned
    number = how_many(candidates=len(candidates), count=whole(parameters, "count", at_least=1), percent=None)
    chosen = choose(candidates, number=number, key=lambda node: node.name, rng=planning.rng)
    names = {node.name for node in chosen}
    if not any(n.schedulable and n.ready for n in everything.values() if n.name not in names):
        msg = f"draining {', '.join(sorted(names))} would leave no ready node that takes the evicted pods"
        raise FaultError(msg)
    return chosen


def _candidates(target: ResolvedTarget, everything: Mapping[str, NodeRef]) -> list[NodeRef]:
    homes = {node.name for node in target.nodes} or {pod.node for pod in target.pods if pod.node}
    if not homes:
        msg = "the target names no nodes, and where its pods run is not known; name nodes in target.nodes"
        raise FaultError(msg)
    return [everything[name] for name in sorted(homes) if name in everything]


def _evictable(cluster: Cluster, nodes: tuple[NodeRef, ...], *, force: bool) -> tuple[ObjectRef, ...]:
    pods: list[ObjectRef] = []
    refusals: list[str] = []
    for node in nodes:
        for pod in cluster.list("Pod", fields=f"spec.nodeName={node.name}"):
            reason = objection(pod, force=force)
            metadata = pod["metadata"]
            if reason is None:
                pods.append(ObjectRef("Pod", metadata["name"], metadata["namespace"], metadata["uid"]))
            elif reason:
                refusals.append(reason)
    if refusals:
        more = f", and {len(refusals) - _NAMED} more" if len(refusals) > _NAMED else ""
        msg = f"{'; '.join(refusals[:_NAMED])}{more}; give force: true to evict them all the same"
        raise FaultError(msg)
    return tuple(sorted(pods, key=lambda ref: (ref.namespace, ref.name)))


def _any_pod_left(cluster: Cluster, ticket: UndoTicket) -> bool:
    uids = {ref.uid for ref in ticket.targets if ref.kind == "Pod"}
    nodes = (ref.name for ref in ticket.targets if ref.kind == "Node")
    return any(
        pod["metadata"]["uid"] in uids
        for node in nodes
        for pod in cluster.list("Pod", fields=f"spec.nodeName={node}", metadata_only=True)
    )


def _ref(node: NodeRef) -> ObjectRef:
    return ObjectRef("Node", node.name, uid=node.uid)


FAULT = Fault(
    name=NAME,
    summary="Cordon nodes and evict their pods, respecting disruption budgets.",
    schema=SCHEMA,
    rbac=RBAC,
    undo_rbac=UNDO_RBAC,
    prepare=prepare,
    inject=inject,
    status=status,
    undo=undo,
)
