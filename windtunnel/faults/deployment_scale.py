"""deployment-scale: give a deployment or stateful set another number of replicas for a while."""

from collections.abc import Mapping
from typing import Any

from windtunnel.clients.cluster import Cluster
from windtunnel.clients.targets import ResolvedTarget
from windtunnel.faults.parameters import whole
from windtunnel.faults.radius import LOST_PODS
from windtunnel.faults.shape import Fault, FaultStatus, Injection, Planning, Rule, Stop
from windtunnel.model.errors import ClusterError, ConflictError, FaultError, NotFoundError
from windtunnel.model.ticket import ObjectRef, StepReport, UndoReport, UndoStep, UndoTicket

NAME = "deployment-scale"
REPLICAS = "/spec/replicas"
_MOST = 1000
_TRIES = 5

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
    Rule("apps", ("deployments/scale", "statefulsets/scale"), ("get", "patch")),
    Rule("autoscaling", ("horizontalpodautoscalers",), ("list",)),
    Rule("", ("pods", "services"), ("get", "list", "watch")),
    Rule("", ("namespaces",), ("get",), cluster_wide=True),
)


def prepare(planning: Planning, parameters: Mapping[str, Any]) -> UndoTicket:
    """Compute the new number of replicas; change nothing.

    Raises:
        FaultError: the target cannot be scaled, has that number already, or an autoscaler would fight back.
    """
    workload = _scalable(planning.target)
    metadata = workload["metadata"]
    ref = ObjectRef(workload["kind"], metadata["name"], planning.target.namespace, metadata["uid"])
    before = _replicas(_read(planning.cluster, ref))
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
    try:
        _scale(cluster, step.ref, expected=step.before, to=step.changed_to)
    except ConflictError as error:
        msg = f"{step.ref} no longer has {step.before} replicas, as it had when this was planned: {error}"
        raise FaultError(msg) from error
    except ClusterError as error:
        # After no answer nobody knows; the ticket stands, and undo compares before it restores.
        msg = f"{step.ref} could not be scaled: {error}"
        raise FaultError(msg, hit=_hit_after_silence(cluster, step, error)) from error
    seen = _seen(cluster, step.ref)
    if seen != step.changed_to:
        msg = f"{step.ref} was scaled to {step.changed_to}, and now shows {seen} replicas"
        raise FaultError(msg, hit=(step.ref,))
    return Injection((step.ref,), f"scaled {step.ref} from {step.before} to {step.changed_to} replicas")


def status(cluster: Cluster, ticket: UndoTicket) -> FaultStatus:
    """Say whether the workload has the planned number of replicas."""
    step = ticket.steps[0]
    try:
        scale = _read(cluster, step.ref)
    except NotFoundError:
        return FaultStatus.OVER
    if scale["metadata"]["uid"] != step.ref.uid:
        return FaultStatus.OVER
    now = _replicas(scale)
    if now == step.changed_to:
        return FaultStatus.ACTIVE
    return FaultStatus.PENDING if now == step.before else FaultStatus.OVER


def undo(cluster: Cluster, ticket: UndoTicket) -> UndoReport:
    """Scale back where the planned number still stands; report, and leave, what someone else has set."""
    return UndoReport(ticket.id, tuple(_restore(cluster, step) for step in reversed(ticket.steps)))


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


def _restore(cluster: Cluster, step: UndoStep) -> StepReport:
    what = f"{step.ref} back to {step.before} replicas"
    for _ in range(_TRIES):
        try:
            scale = _read(cluster, step.ref)
            if scale["metadata"]["uid"] != step.ref.uid:
                return StepReport(what, done=True, drift=f"{step.ref} was replaced by someone else since")
            now = _replicas(scale)
            if now == step.before:
                return StepReport(what, done=True)
            if now != step.changed_to:
                drift = f"someone set {now} replicas since (we had set {step.changed_to}); left as it is"
                return StepReport(what, done=True, drift=drift)
            _scale(cluster, step.ref, expected=step.changed_to, to=step.before)
        except ConflictError:
            continue  # it changed under our hands: look again
        except NotFoundError:
            return StepReport(what, done=True, drift=f"{step.ref} was deleted by someone else since")
        except ClusterError as error:
            return StepReport(what, done=False, error=str(error))
    return StepReport(what, done=False, error=f"it was changed {_TRIES} times while it was being restored")


def _scale(cluster: Cluster, ref: ObjectRef, *, expected: int, to: int) -> None:
    """Write *to*, if the object is the same one and has *expected* replicas still."""
    operations = (
        {"op": "test", "path": "/metadata/uid", "value": ref.uid},
        # The scale of a workload without replicas has an empty spec, so the whole spec is compared.
        {"op": "test", "path": "/spec", "value": {"replicas": expected} if expected else {}},
        {"op": "add", "path": REPLICAS, "value": to},
    )
    cluster.patch_json(ref.kind, ref.name, ref.namespace, operations=operations, subresource="scale")


def _read(cluster: Cluster, ref: ObjectRef) -> dict[str, Any]:
    return cluster.get(ref.kind, ref.name, ref.namespace, subresource="scale")


def _replicas(scale: Mapping[str, Any]) -> int:
    return int((scale.get("spec") or {}).get("replicas", 0))


def _seen(cluster: Cluster, ref: ObjectRef) -> int:
    try:
        return _replicas(_read(cluster, ref))
    except ClusterError as error:
        msg = f"{ref} was scaled, and its number of replicas could not be read back: {error}"
        raise FaultError(msg, hit=(ref,)) from error


def _hit_after_silence(cluster: Cluster, step: UndoStep, error: ClusterError) -> tuple[ObjectRef, ...]:
    if error.status:
        return ()
    try:
        return (step.ref,) if _replicas(_read(cluster, step.ref)) == step.changed_to else ()
    except ClusterError:
        return (step.ref,)  # cannot be told: the worse is assumed


FAULT = Fault(
    name=NAME,
    summary="Change the number of replicas of a deployment or stateful set, and change it back.",
    schema=SCHEMA,
    rbac=RBAC,
    prepare=prepare,
    inject=inject,
    status=status,
    undo=undo,
)
