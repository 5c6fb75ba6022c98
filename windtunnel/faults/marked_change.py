"""One field of one object, changed for a while: the change and its mark are one write, and so is the undo.

The mark is the label `windtunnel.dev/run` with the run's id. It says whose change stands on the object, so
that undo after a crash knows three things apart: never changed, changed by us, and put back already. A value
alone cannot tell: somebody else may have set the very same one. The mark is a label and no annotation, for
the deployment controller copies annotations to replica sets, where nothing would take them away.

Everything is written at the version that was read. Trying again after a conflict repeats no injection: a
write at an outdated version changes nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from windtunnel.clients.cluster import Cluster
from windtunnel.clients.tickets import RUN
from windtunnel.clock import SystemClock
from windtunnel.model.errors import ClusterError, ConflictError, FaultError, NotFoundError
from windtunnel.model.ticket import ObjectRef, StepReport, UndoStep

_TRIES = 8
_PAUSE_S = 0.05  # a controller that writes status at this very moment is done by then
_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Wording:
    """How a fault speaks of its field."""

    changing: str  # "scaled", "cordoned"
    back: Callable[[UndoStep], str]  # what undo brings about: "deployment/a in b back to 3 replicas"
    is_now: Callable[[Any], str]  # of a value, as the rest of a sentence: "has 3 replicas"


def mark_of(thing: Mapping[str, Any]) -> str:
    """Return the run whose change stands on an object, or "" when it is none of ours."""
    return str((thing["metadata"].get("labels") or {}).get(RUN, ""))


def stands(cluster: Cluster, steps: Iterable[UndoStep], *, run_id: str) -> bool:
    """Say whether a change of *run_id* stands on an object of *steps*.

    Raises:
        ClusterError: one of them could not be read.
    """
    for step in steps:
        try:
            if mark_of(cluster.get(step.ref.kind, step.ref.name, step.ref.namespace)) == run_id:
                return True
        except NotFoundError:
            continue
    return False


def field_of(thing: Mapping[str, Any], path: str) -> Any:
    """Return what stands at *path*, a JSON Pointer through objects alone; None where it is absent."""
    found: Any = thing
    for key in _keys(path):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def change(cluster: Cluster, step: UndoStep, *, run_id: str, words: Wording) -> None:
    """Write the new value and the mark, if the object is as it was planned; read it back.

    Raises:
        FaultError: it is another object now, somebody changed it since, or the change was refused or is not
            confirmed; `hit` names the object where the change stands, or may stand.
    """
    ref = step.ref
    for _ in range(_TRIES):
        try:
            found = cluster.get(ref.kind, ref.name, ref.namespace)
            _as_planned(found, step, words)
            _write(cluster, found, step, value=step.changed_to, mark=run_id)
        except ConflictError:
            _CLOCK.wait(_PAUSE_S)
            continue
        except ClusterError as error:
            hit, effect = _after_failure(cluster, step, run_id, error)
            msg = f"{ref} could not be {words.changing}: {error}{effect}"
            raise FaultError(msg, hit=hit) from error
        _confirm(cluster, step, words)
        return
    msg = f"{ref} changed {_TRIES} times while it was being {words.changing}"
    raise FaultError(msg)


def restore(cluster: Cluster, step: UndoStep, *, run_id: str, words: Wording) -> StepReport:
    """Put the value back where our mark stands, take the mark off, and verify by reading.

    What somebody else has set since is left and reported. An object without our mark is left alone.
    """
    what = words.back(step)
    for _ in range(_TRIES):
        try:
            return _restore(cluster, step, run_id, words)
        except ConflictError:
            _CLOCK.wait(_PAUSE_S)  # it changed under our hands: look again
        except NotFoundError:
            return disturbed(what, f"{step.ref} was deleted by someone else since")
        except ClusterError as error:
            return StepReport(what, done=False, error=str(error))
    return StepReport(what, done=False, error=f"it was changed {_TRIES} times while it was being restored")


def _restore(cluster: Cluster, step: UndoStep, run_id: str, words: Wording) -> StepReport:
    ref, what = step.ref, words.back(step)
    found = cluster.get(ref.kind, ref.name, ref.namespace)
    if found["metadata"]["uid"] != ref.uid:
        return disturbed(what, f"{ref} was replaced by someone else since")
    now = field_of(found, step.path)
    if mark_of(found) != run_id:
        if now == step.before:
            return StepReport(what, done=True)
        return disturbed(what, f"{ref} {words.is_now(now)}, and not by this run; left as it is")
    ours = now in (step.before, step.changed_to)
    _write(cluster, found, step, value=step.before if ours else now, mark=None)
    seen = cluster.get(ref.kind, ref.name, ref.namespace)
    if mark_of(seen) == run_id or (ours and field_of(seen, step.path) == step.changed_to):
        error = f"it was put back, and yet {ref} {words.is_now(field_of(seen, step.path))}"
        return StepReport(what, done=False, error=error)
    if now == step.changed_to:
        return StepReport(what, done=True)
    did = "had put it back already" if ours else f"changed it since: {ref} {words.is_now(now)}; left as it is"
    return disturbed(what, f"someone else {did}")


def disturbed(what: str, drift: str) -> StepReport:
    """Report that there is nothing to take back any more, because of what someone else has done."""
    return StepReport(what, done=True, drift=drift, disturbed=True)


def _as_planned(found: Mapping[str, Any], step: UndoStep, words: Wording) -> None:
    ref, now = step.ref, field_of(found, step.path)
    if found["metadata"]["uid"] != ref.uid:
        msg = f"{ref} was replaced by another object of that name since this was planned"
        raise FaultError(msg)
    if mark := mark_of(found):
        msg = (
            f"{ref} still carries the mark of run {mark}, whose change may stand; see `windtunnel status`, "
            f"and take the label {RUN} off once it is as it should be"
        )
        raise FaultError(msg)
    if now != step.before:
        was, since = words.is_now(step.before), words.is_now(now)
        msg = f"{ref} no longer {was}, as when this was planned: someone else changed it, and it {since}"
        raise FaultError(msg)


def _confirm(cluster: Cluster, step: UndoStep, words: Wording) -> None:
    ref = step.ref
    try:
        seen = field_of(cluster.get(ref.kind, ref.name, ref.namespace), step.path)
    except ClusterError as error:
        msg = f"{ref} was {words.changing}, and could not be read back: {error}"
        raise FaultError(msg, hit=(ref,)) from error
    if seen != step.changed_to:
        msg = f"{ref} was {words.changing}, and yet it {words.is_now(seen)}; someone is changing it back"
        raise FaultError(msg, hit=(ref,))


def _after_failure(
    cluster: Cluster, step: UndoStep, run_id: str, error: ClusterError
) -> tuple[tuple[ObjectRef, ...], str]:
    """Find out whether a write took effect that failed with *error*: what it hit, and the words for it.

    If in doubt, it did.
    """
    if error.is_refusal:
        return (), ""
    ref = step.ref
    try:
        took = mark_of(cluster.get(ref.kind, ref.name, ref.namespace)) == run_id
    except ClusterError:
        return (ref,), "; whether the change was made could not be read"
    return ((ref,), "; it was changed all the same") if took else ((), "; it is unchanged")


def _write(
    cluster: Cluster, found: Mapping[str, Any], step: UndoStep, *, value: Any, mark: str | None
) -> None:
    patch: dict[str, Any] = {}
    *parents, last = _keys(step.path)
    inner = patch
    for key in parents:
        inner = inner.setdefault(key, {})
    inner[last] = value  # null takes the field away
    metadata = {"resourceVersion": found["metadata"]["resourceVersion"], "labels": {RUN: mark}}
    patch["metadata"] = {**patch.get("metadata", {}), **metadata}
    ref = step.ref
    cluster.patch_merge(ref.kind, ref.name, ref.namespace, patch=patch)


def _keys(path: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]
