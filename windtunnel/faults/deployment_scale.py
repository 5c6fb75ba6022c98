"""deployment-scale: give a deployment or stateful set another number of replicas for a while."""

from collections.abc import Mapping
from typing import Any

from windtunnel.clients.cluster import Cluster
from windtunnel.clients.targets import ResolvedTarget
from windtunnel.faults.marked_change import Wording, change, field_of, mark_of, restore
from windtunnel.faults.parameters import whole
from windtunnel.faults.radius import LOST_PODS
from windtunnel.faults.shape import Fault, FaultStatus, Injection, Planning, Rule, Stop
from windtunnel.model.errors import ClusterError, FaultError, NotFoundError
from windtunnel.model.ticket import ObjectRef, UndoReport, UndoStep, UndoTicket

NAME = "deployment-scale"
REPLICAS = "/spec/replicas"
_MOST = 1000

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "replicas": {
            "type": "integer",
            "minimum": 0,
            "maximum": _MOST,
            "description": "The number of replicas while the fault lasts.",
        },
        "by": {
            "type": "integer",
            "minimum": -_MOST,
            "maximum": _MOST,
            "not": {"const": 0},
            "description": "How many more (2) or fewer (-1) replicas than now; never below none.",
        },
    },
    "oneOf": [{"required": ["replicas"]}, {"required": ["by"]}],
}

RBAC = (
    Rule("apps", ("deployments", "statefulsets", "replicasets"), ("get", "list", "watch")),
    Rule("apps", ("deployments", "statefulsets"), ("patch",)),
    Rule("autoscaling", ("horizontalpodautoscalers",), ("list",)),
    Rule("", ("pods", "services"), ("get", "list", "watch")),
    Rule("", ("namespaces",), ("get",), cluster_wide=True),
)
UNDO_RBAC = (Rule("apps", ("deployments", "statefulsets"), ("get", "patch")),)


def prepare(planning: Planning, parameters: Mapping[str, Any]) -> UndoTicket:
    """Compute the new number of replicas; change nothing.

    Raises:
        FaultError: the target cannot be scaled, has that number already, or an autoscaler would fight back.
    """
    workload = _scalable(planning.target)
    metadata = workload["metadata"]
    ref = ObjectRef(workload["kind"], metadata["name"], planning.target.namespace, metadata["uid"])
    before = int(field_of(_read(planning.cluster, ref), REPLICAS))
    after = _wanted(parameters, before)
    if after == before:
        msg = f"{ref} has {before} replicas already; scaling to {after} would change nothing"
        raise FaultError(msg)
    if autoscaler := _autoscaler(planning.cluster, ref):
        msg = (
            f"{ref} is scaled by horizontalpodautoscaler/{autoscaler}, which would overwrite the change and "
            "its undo; pause it, or aim pod-delete at its pods instead"
        )
        raise FaultError(msg)
    return UndoTicket(
        run_id=planning.run_id,
        fault=NAME,
        targets=(ref,),
        steps=(UndoStep(ref, REPLICAS, before=before, changed_to=after),),
        parameters={LOST_PODS: max(0, before - after)},
        created_at=planning.now,
        expires_at=planning.expires_at,
        cluster=planning.cluster.name,
    )


def inject(cluster: Cluster, ticket: UndoTicket, *, stop: Stop = None) -> Injection:  # noqa: ARG001 - one write
    """Scale from exactly the planned number to the new one, and read it back.

    Raises:
        FaultError: somebody scaled it since it was planned, or the change was refused or not confirmed.
    """
    step = ticket.steps[0]
    change(cluster, step, run_id=ticket.run_id, words=_WORDS)
    return Injection((step.ref,), f"scaled {step.ref} from {step.before} to {step.changed_to} replicas")


def status(cluster: Cluster, ticket: UndoTicket) -> FaultStatus:
    """Say whether the workload has the planned number of replicas, by our hand."""
    step = ticket.steps[0]
    try:
        found = _read(cluster, step.ref)
    except NotFoundError:
        return FaultStatus.OVER
    if found["metadata"]["uid"] != step.ref.uid:
        return FaultStatus.OVER
    now = field_of(found, REPLICAS)
    if mark_of(found) == ticket.run_id and now == step.changed_to:
        return FaultStatus.ACTIVE
    return FaultStatus.PENDING if now == step.before else FaultStatus.OVER


def undo(cluster: Cluster, ticket: UndoTicket) -> UndoReport:
    """Scale back where the planned number still stands; report, and leave, what someone else has set."""
    steps = tuple(
        restore(cluster, step, run_id=ticket.run_id, words=_WORDS) for step in reversed(ticket.steps)
    )
    return UndoReport(ticket.id, steps)


def _scalable(target: ResolvedTarget) -> dict[str, Any]:
    if target.workload is None or target.workload["kind"] not in {"Deployment", "StatefulSet"}:
        msg = f"{NAME} needs a deployment or a stateful set as target.workload"
        raise FaultError(msg)
    return target.workload


def _wanted(parameters: Mapping[str, Any], before: int) -> int:
    absolute = whole(parameters, "replicas", at_least=0)
    relative = whole(parameters, "by", at_least=-_MOST)
    if (absolute is None) == (relative is None):
        msg = "give either replicas (the number to have) or by (how many more or fewer)"
        raise FaultError(msg)
    if absolute is not None:
        return absolute
    return max(0, before + (relative or 0))


def _autoscaler(cluster: Cluster, ref: ObjectRef) -> str:
    """Return the name of the autoscaler that scales *ref*, or "" when there is none."""
    try:
        for found in cluster.list("HorizontalPodAutoscaler", ref.namespace):
            scaled = found["spec"]["scaleTargetRef"]
            if (scaled.get("kind"), scaled.get("name")) == (ref.kind, ref.name):
                return str(found["metadata"]["name"])
    except NotFoundError:
        return ""  # the cluster does not serve autoscaling/v2 at all
    except ClusterError as error:
        msg = f"whether an autoscaler holds {ref} cannot be told: {error}"
        raise FaultError(msg) from error
    return ""


def _read(cluster: Cluster, ref: ObjectRef) -> dict[str, Any]:
    return cluster.get(ref.kind, ref.name, ref.namespace)


def _back(step: UndoStep) -> str:
    return f"{step.ref} back to {step.before} replicas"


def _count(value: Any) -> str:
    return f"has {value} replicas"


_WORDS = Wording(changing="scaled", back=_back, is_now=_count)


FAULT = Fault(
    name=NAME,
    summary="Change the number of replicas of a deployment or stateful set, and change it back.",
    schema=SCHEMA,
    rbac=RBAC,
    undo_rbac=UNDO_RBAC,
    prepare=prepare,
    inject=inject,
    status=status,
    undo=undo,
)
