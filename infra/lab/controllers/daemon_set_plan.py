"""DaemonSets, decided: which nodes get a pod, which pods go, and what the status says."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from infra.lab.client import Object
from infra.lab.controllers import kinds, pods
from infra.lab.controllers.changes import Change, Create, Note, Remove
from infra.lab.controllers.node_affinity import wants_node
from infra.lab.controllers.ownership import is_going
from infra.lab.controllers.revisions import HASH_LABEL, hash_of
from infra.lab.controllers.rounding import resolve
from infra.lab.controllers.taints import (
    NOT_READY,
    PRESSURES,
    UNREACHABLE,
    UNSCHEDULABLE,
    taints_of,
    untolerated,
)
from infra.lab.controllers.templates import pod_from

COMPONENT = "daemonset-controller"
GENERATION = "pod-template-generation"
_TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


def tolerations_of(spec: Object) -> list[Object]:
    """A daemon's tolerations: its own, and those that let it run where others may not."""
    given = list(spec.get("tolerations") or ())
    added = [(NOT_READY, "NoExecute"), (UNREACHABLE, "NoExecute")]
    added += [(PRESSURES[kind], "NoSchedule") for kind in ("DiskPressure", "MemoryPressure", "PIDPressure")]
    added.append((UNSCHEDULABLE, "NoSchedule"))
    if spec.get("hostNetwork"):
        added.append((PRESSURES["NetworkUnavailable"], "NoSchedule"))
    extra = [{"key": key, "operator": "Exists", "effect": effect} for key, effect in added]
    return [*given, *(one for one in extra if one not in given)]


def should_run(owner: Object, node: Object) -> tuple[bool, bool]:
    """Whether a node should get a daemon, and whether one that is there may stay."""
    spec = owner["spec"]["template"]["spec"]
    named = spec.get("nodeName")
    if (named and named != node["metadata"]["name"]) or not wants_node(spec, node):
        return False, False
    tolerations = tolerations_of(spec)
    fits = untolerated(tolerations, taints_of(node, "NoSchedule", "NoExecute")) is None
    return fits, untolerated(tolerations, taints_of(node, "NoExecute")) is None


def node_of(pod: Object) -> str:
    """The node a daemon runs on, or is meant for while it is not bound yet."""
    bound = pod["spec"].get("nodeName")
    if bound:
        return str(bound)
    affinity = ((pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    ) or {}
    for term in affinity.get("nodeSelectorTerms") or ():
        for one in term.get("matchFields") or ():
            if one["key"] == "metadata.name" and len(one.get("values") or ()) == 1:
                return str(one["values"][0])
    return ""


def by_node(owned: Iterable[Object]) -> dict[str, list[Object]]:
    """Daemons by their node."""
    found: dict[str, list[Object]] = {}
    for pod in owned:
        found.setdefault(node_of(pod), []).append(pod)
    return found


def new_pod(owner: Object, node: str, revision: Object) -> Object:
    """The daemon of one node; only that node will do for the scheduler."""
    generation = (owner["metadata"].get("annotations") or {}).get(_TEMPLATE_GENERATION, "1")
    labels = {HASH_LABEL: hash_of(revision), GENERATION: generation}
    pod = pod_from(owner, owner["spec"]["template"], labels=labels)
    spec = pod["spec"]
    affinity = spec.get("affinity") or {}
    terms = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    pinned = {**affinity, "nodeAffinity": {**(affinity.get("nodeAffinity") or {}), **required}}
    return {**pod, "spec": {**spec, "affinity": pinned, "tolerations": tolerations_of(spec)}}


def plan(owner: Object, nodes: Sequence[Object], owned: Sequence[Object], revision: Object) -> list[Change]:
    """Make missing daemons, remove surplus, failed and misplaced ones."""
    changes: list[Change] = []
    running = by_node(owned)
    for node in nodes:
        here = running.pop(node["metadata"]["name"], [])
        wanted, may_stay = should_run(owner, node)
        alive = [pod for pod in here if not is_going(pod)]
        failed = [pod for pod in alive if pods.is_finished(pod)]
        sound = [pod for pod in alive if not pods.is_finished(pod)]
        if not may_stay:
            changes += [_remove(owner, pod) for pod in alive]
            continue
        changes += [_remove(owner, pod) for pod in failed]
        oldest_first = sorted(sound, key=lambda pod: pod["metadata"].get("creationTimestamp", ""))
        changes += [_remove(owner, pod) for pod in oldest_first[1:]]
        if wanted and not here:
            changes.append(_create(owner, node["metadata"]["name"], revision))
    left = [pod for stranded in running.values() for pod in stranded]
    return [*changes, *(_remove(owner, pod) for pod in left if not is_going(pod))]


def plan_update(
    owner: Object, nodes: Sequence[Object], owned: Sequence[Object], revision: Object, now: datetime
) -> list[Change]:
    """Replace outdated daemons, as many at a time as may be unavailable; broken ones first."""
    strategy = owner["spec"].get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return []
    running = by_node(owned)
    wanted = [node["metadata"]["name"] for node in nodes if should_run(owner, node)[0]]
    limit = resolve((strategy.get("rollingUpdate") or {}).get("maxUnavailable", 1), len(wanted), up=True)
    min_ready_s = owner["spec"].get("minReadySeconds", 0)
    outdated: list[Object] = []
    broken: list[Object] = []
    missing = 0
    for name in wanted:
        here = [pod for pod in running.get(name, []) if pods.is_active(pod)]
        available = any(pods.is_available(pod, min_ready_s, now) for pod in here)
        missing += not available
        old = [
            pod for pod in here if (pod["metadata"].get("labels") or {}).get(HASH_LABEL) != hash_of(revision)
        ]
        (outdated if available else broken).extend(old)
    room = max(0, max(1, limit) - missing)
    return [_remove(owner, pod) for pod in [*broken, *outdated[:room]]]


def _create(owner: Object, node: str, revision: Object) -> Create:
    note = Note(
        owner, COMPONENT, "SuccessfulCreate", "Created pod: {name}", "FailedCreate", "Error creating: {error}"
    )
    return Create(kinds.PODS, owner["metadata"]["namespace"], new_pod(owner, node, revision), note)


def _remove(owner: Object, pod: Object) -> Remove:
    note = Note(
        owner, COMPONENT, "SuccessfulDelete", "Deleted pod: {name}", "FailedDelete", "Error deleting: {error}"
    )
    return Remove(kinds.PODS, pod, note=note)


def status_of(
    owner: Object, nodes: Sequence[Object], owned: Sequence[Object], revision: Object, now: datetime
) -> Object:
    """The status: four counts always, the others where they are not 0."""
    running = by_node(pod for pod in owned if not is_going(pod) or pods.is_ready(pod))
    min_ready_s = owner["spec"].get("minReadySeconds", 0)
    desired = current = misplaced = ready = available = updated = 0
    for node in nodes:
        here = running.get(node["metadata"]["name"], [])
        if not should_run(owner, node)[0]:
            misplaced += bool(here)
            continue
        desired += 1
        current += bool(here)
        first = min(here, key=lambda pod: pod["metadata"].get("creationTimestamp", ""), default=None)
        if first is None:
            continue
        ready += pods.is_ready(first)
        available += pods.is_available(first, min_ready_s, now)
        updated += (first["metadata"].get("labels") or {}).get(HASH_LABEL) == hash_of(revision)
    counts = {
        "updatedNumberScheduled": updated,
        "numberAvailable": available,
        "numberUnavailable": desired - available,
    }
    return {
        "currentNumberScheduled": current,
        "numberMisscheduled": misplaced,
        "desiredNumberScheduled": desired,
        "numberReady": ready,
        "observedGeneration": owner["metadata"].get("generation", 1),
        **{name: count for name, count in counts.items() if count},
    }
