"""pod-delete: delete some of the target's pods, as a crash, a preemption or a careless hand would.

A plain DELETE: disruption budgets do not apply. Only pods with a controller are deleted, since undo is the
controller's work: there is nothing to restore, and undo verifies that the pods are back.
"""

from collections.abc import Mapping
from typing import Any

from windtunnel.clients.cluster import Cluster
from windtunnel.clients.readiness import workload_readiness
from windtunnel.clients.targets import WORKLOADS, PodRef, ResolvedTarget
from windtunnel.clock import SystemClock
from windtunnel.faults.departures import is_going, seems_going, went_all_the_same
from windtunnel.faults.marked_change import disturbed
from windtunnel.faults.parameters import DURATION_SCHEMA, seconds, share, whole
from windtunnel.faults.selection import Order, choose_pods, how_many
from windtunnel.faults.shape import Fault, FaultStatus, Injection, Planning, Rule, Stop
from windtunnel.model.errors import ClusterError, ConflictError, FaultError, NotFoundError
from windtunnel.model.ticket import ObjectRef, StepReport, UndoReport, UndoTicket

NAME = "pod-delete"
_BACK_WITHIN_S = 10.0
_CLOCK = SystemClock()

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "count": {"type": "integer", "minimum": 1, "description": "How many pods. Default: 1."},
        "percent": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 100,
            "description": "Share of the target's pods, rounded down, at least one. Instead of count.",
        },
        "grace": {
            **DURATION_SCHEMA,
            "description": "Grace period, whole seconds or 10s. Default: the pod's own. 0s kills at once.",
        },
        "order": {
            "enum": [str(order) for order in Order],
            "description": "Which pods go first. Default: random, by the run's seed.",
        },
    },
    "not": {"required": ["count", "percent"]},
}

RBAC = (
    Rule("", ("pods",), ("get", "list", "watch", "delete")),
    Rule("", ("services",), ("get", "list")),
    Rule("apps", ("deployments", "statefulsets", "daemonsets", "replicasets"), ("get", "list", "watch")),
    Rule("", ("namespaces",), ("get",), cluster_wide=True),
)
UNDO_RBAC = (Rule("apps", ("deployments", "statefulsets", "daemonsets"), ("get",)),)


def prepare(planning: Planning, parameters: Mapping[str, Any]) -> UndoTicket:
    """Choose the pods; change nothing.

    Raises:
        FaultError: too few pods, or one that no controller would bring back.
    """
    candidates = planning.target.candidates
    number = how_many(
        candidates=len(candidates),
        count=whole(parameters, "count", at_least=1),
        percent=share(parameters, "percent"),
    )
    order = Order(parameters.get("order", Order.RANDOM))
    victims = choose_pods(candidates, number=number, order=order, rng=planning.rng)
    if orphans := sorted(pod.name for pod in victims if not pod.owner):
        msg = f"pod/{orphans[0]} has no controller that would bring it back, so windtunnel does not delete it"
        raise FaultError(msg)
    grace = round(seconds(parameters, "grace", 0.0)) if "grace" in parameters else None
    return UndoTicket(
        run_id=planning.run_id,
        fault=NAME,
        targets=tuple(ObjectRef("Pod", pod.name, pod.namespace, pod.uid) for pod in victims),
        steps=(),
        parameters={"grace_s": grace, "keepers": _keepers(planning.target, victims)},
        created_at=planning.now,
        expires_at=planning.expires_at,
        cluster=planning.cluster.name,
    )


def inject(cluster: Cluster, ticket: UndoTicket, *, stop: Stop = None) -> Injection:
    """Delete exactly the planned pods. One that is gone already is reported, and no other takes its place.

    Raises:
        FaultError: a delete was refused or not answered, or nothing was hit; `hit` says what was.
    """
    hit: list[ObjectRef] = []
    missed: list[str] = []
    for ref in ticket.targets:
        if stop is not None and stop.is_set():
            missed.append(f"{ref} was spared: the run was stopped")
            continue
        try:
            cluster.delete("Pod", ref.name, ref.namespace, uid=ref.uid, grace_s=ticket.parameters["grace_s"])
        except (NotFoundError, ConflictError):
            missed.append(f"{ref} was gone already")
        except ClusterError as error:
            if went_all_the_same(cluster, ref, error):
                hit.append(ref)
            msg = f"{len(hit)} of {len(ticket.targets)} pods were deleted, then: {error}"
            raise FaultError(msg, hit=tuple(hit)) from error
        else:
            hit.append(ref)
    confirmed = tuple(ref for ref in hit if seems_going(cluster, ref))
    missed += [f"{ref} is still there" for ref in hit if ref not in confirmed]
    if not confirmed:
        msg = f"no pod was deleted: {'; '.join(missed)}"
        raise FaultError(msg)
    names = ", ".join(ref.name for ref in confirmed[:10])
    more = f" and {len(confirmed) - 10} more" if len(confirmed) > 10 else ""  # noqa: PLR2004
    told = "; ".join([f"deleted {names}{more}", *missed])
    return Injection(confirmed, told, missed=tuple(missed))


def status(cluster: Cluster, ticket: UndoTicket) -> FaultStatus:
    """Say whether the pods are still to go, are going or missing, or have been replaced."""
    going = [is_going(cluster, ref) for ref in ticket.targets]
    if not any(going):
        return FaultStatus.PENDING
    whole_again = all(_is_whole(cluster, ref) for ref in _keeper_refs(ticket))
    return FaultStatus.OVER if all(going) and whole_again else FaultStatus.ACTIVE


def undo(cluster: Cluster, ticket: UndoTicket) -> UndoReport:
    """Restore nothing, and verify, for some seconds, that every workload has its pods again."""
    until = _CLOCK.monotonic() + _BACK_WITHIN_S
    return UndoReport(ticket.id, tuple(_verify(cluster, ref, until) for ref in _keeper_refs(ticket)))


def _keepers(target: ResolvedTarget, victims: tuple[PodRef, ...]) -> list[dict[str, str]]:
    """Return the workloads that bring the victims back, as JSON."""
    if target.workload is not None:
        metadata = target.workload["metadata"]
        return [_keeper(target.workload["kind"], metadata["name"], target.namespace, metadata["uid"])]
    owners = sorted({(pod.owner, pod.namespace) for pod in victims})
    return [_keeper(*_kind_and_name(owner), namespace) for owner, namespace in owners]


def _keeper(kind: str, name: str, namespace: str, uid: str = "") -> dict[str, str]:
    return {"kind": kind, "name": name, "namespace": namespace, "uid": uid}


def _kind_and_name(owner: str) -> tuple[str, str]:
    kind, _, name = owner.partition("/")
    return kind, name


def _keeper_refs(ticket: UndoTicket) -> tuple[ObjectRef, ...]:
    return tuple(ObjectRef(**keeper) for keeper in ticket.parameters["keepers"])


def _is_whole(cluster: Cluster, keeper: ObjectRef) -> bool:
    if keeper.kind not in WORKLOADS:
        return True
    return workload_readiness(
        {"kind": keeper.kind, **cluster.get(keeper.kind, keeper.name, keeper.namespace)}
    ).complete


def _verify(cluster: Cluster, keeper: ObjectRef, until: float) -> StepReport:
    what = f"{keeper} has its pods again"
    if keeper.kind not in WORKLOADS:
        return StepReport(what, done=True, drift=f"windtunnel cannot check a {keeper.kind}")
    while True:
        try:
            found = cluster.get(keeper.kind, keeper.name, keeper.namespace)
        except NotFoundError:
            return disturbed(what, f"{keeper} was deleted by someone else since")
        except ClusterError as error:
            return StepReport(what, done=False, error=str(error))
        if keeper.uid and found["metadata"]["uid"] != keeper.uid:
            return disturbed(what, f"{keeper} was replaced by someone else since")
        seen = workload_readiness({"kind": keeper.kind, **found})
        if seen.existing >= seen.wanted:
            return StepReport(what, done=True)
        if _CLOCK.monotonic() >= until:
            error_text = f"{seen.existing} of {seen.wanted} pods exist after {_BACK_WITHIN_S:g} s"
            return StepReport(what, done=False, error=error_text)
        _CLOCK.wait(0.2)


FAULT = Fault(
    name=NAME,
    summary="Delete pods of the target, by count or percent.",
    schema=SCHEMA,
    rbac=RBAC,
    undo_rbac=UNDO_RBAC,
    prepare=prepare,
    inject=inject,
    status=status,
    undo=undo,
)
