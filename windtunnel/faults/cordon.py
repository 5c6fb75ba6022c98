"""Taking a node out of scheduling and putting it back, so that only our own cordon is ever lifted."""

from collections.abc import Mapping
from typing import Any

from windtunnel.clients.cluster import Cluster
from windtunnel.model.errors import ClusterError, ConflictError, FaultError, NotFoundError
from windtunnel.model.ticket import ObjectRef, StepReport, UndoStep

UNSCHEDULABLE = "/spec/unschedulable"
MARK = "windtunnel.dev/cordoned-by"  # annotation: the run whose cordon it is
_TRIES = 5


def is_cordoned(node: Mapping[str, Any]) -> bool:
    """Say whether a node takes no new pods by order."""
    return bool((node.get("spec") or {}).get("unschedulable", False))


def mark_of(node: Mapping[str, Any]) -> str:
    """Return the run that cordoned a node, or "" when it was none of ours."""
    return str((node["metadata"].get("annotations") or {}).get(MARK, ""))


def cordon(cluster: Cluster, ref: ObjectRef, *, run_id: str) -> None:
    """Cordon and mark a node in one change, if it is the same node and still takes pods; read it back.

    Trying again after a conflict repeats no injection: a write at an outdated version changes nothing.

    Raises:
        FaultError: it is another node now, somebody else cordoned it, or the change was refused.
    """
    for _ in range(_TRIES):
        try:
            node = cluster.get("Node", ref.name)
            if node["metadata"]["uid"] != ref.uid:
                msg = f"{ref} was replaced by another node of that name since this was planned"
                raise FaultError(msg)
            if is_cordoned(node):
                msg = f"{ref} was cordoned by someone else since this was planned"
                raise FaultError(msg)
            _write(cluster, node, mark=run_id, unschedulable=True)
            confirmed = cluster.get("Node", ref.name)
        except ConflictError:
            continue
        except ClusterError as error:
            # Without an answer the cordon may stand; the ticket's step takes it back then.
            msg = f"{ref} could not be cordoned: {error}"
            raise FaultError(msg, hit=() if error.status else (ref,)) from error
        if not is_cordoned(confirmed):
            msg = f"{ref} was cordoned, and takes pods again already; someone is uncordoning it"
            raise FaultError(msg, hit=(ref,))
        return
    msg = f"{ref} changed {_TRIES} times while it was being cordoned"
    raise FaultError(msg)


def uncordon(cluster: Cluster, step: UndoStep, *, run_id: str) -> StepReport:
    """Lift our own cordon and verify it by reading; leave and report any other."""
    what = f"{step.ref} takes pods again"
    for _ in range(_TRIES):
        try:
            return _lift(cluster, step, run_id, what)
        except ConflictError:
            continue  # it changed under our hands: look again
        except NotFoundError:
            return StepReport(what, done=True, drift=f"{step.ref} was removed from the cluster since")
        except ClusterError as error:
            return StepReport(what, done=False, error=str(error))
    return StepReport(what, done=False, error=f"it changed {_TRIES} times while it was being uncordoned")


def _lift(cluster: Cluster, step: UndoStep, run_id: str, what: str) -> StepReport:
    ref = step.ref
    node = cluster.get("Node", ref.name)
    if node["metadata"]["uid"] != ref.uid:
        return StepReport(what, done=True, drift=f"{ref} was replaced by another node of that name")
    cordoned = is_cordoned(node)
    if mark_of(node) != run_id:
        drift = f"{ref} is cordoned by someone else; left as it is" if cordoned else ""
        return StepReport(what, done=True, drift=drift)
    _write(cluster, node, mark=None, unschedulable=step.before)
    if is_cordoned(cluster.get("Node", ref.name)):
        return StepReport(what, done=False, error=f"{ref} is still cordoned after it was uncordoned")
    return StepReport(what, done=True, drift="" if cordoned else f"{ref} was uncordoned by someone else")


def _write(
    cluster: Cluster, node: Mapping[str, Any], *, mark: str | None, unschedulable: bool | None
) -> None:
    metadata = {"resourceVersion": node["metadata"]["resourceVersion"], "annotations": {MARK: mark}}
    patch = {"metadata": metadata, "spec": {"unschedulable": unschedulable}}
    cluster.patch_merge("Node", node["metadata"]["name"], patch=patch)
