"""How a rollout proceeds: which ReplicaSet grows or shrinks next, and to what size."""

from collections.abc import Sequence
from dataclasses import dataclass

from infra.lab.client import Object
from infra.lab.controllers.deployment_sets import DESIRED, MOST, limits, oldest_first, size, wanted


@dataclass(frozen=True, slots=True)
class Resize:
    """A ReplicaSet and the size it should get."""

    replica_set: Object
    replicas: int


def initial_size(deployment: Object, old: Sequence[Object]) -> int:
    """How many replicas a new ReplicaSet starts with."""
    if (deployment["spec"].get("strategy") or {}).get("type") == "Recreate":
        return wanted(deployment)
    room = wanted(deployment) + limits(deployment)[0] - sum(size(one) for one in old)
    return max(0, min(room, wanted(deployment)))


def rolling_step(deployment: Object, new: Object, old: Sequence[Object]) -> list[Resize]:
    """The next step of a rolling update: the new set grows as far as the surge allows, or old ones shrink."""
    target = _new_size(deployment, new, old)
    if target != size(new):
        return [Resize(new, target)]
    return _shrink_old(deployment, new, old)


def _new_size(deployment: Object, new: Object, old: Sequence[Object]) -> int:
    replicas = wanted(deployment)
    if size(new) >= replicas:
        return replicas
    room = replicas + limits(deployment)[0] - size(new) - sum(size(one) for one in old)
    return size(new) + max(0, min(room, replicas - size(new)))


def _shrink_old(deployment: Object, new: Object, old: Sequence[Object]) -> list[Resize]:
    """Old sets give up unhealthy pods first, then as many as may be unavailable."""
    if not any(size(one) for one in old):
        return []
    least = wanted(deployment) - limits(deployment)[1]
    new_unavailable = size(new) - _available(new)
    spare = size(new) + sum(size(one) for one in old) - least - new_unavailable
    if spare <= 0:
        return []
    sizes = {one["metadata"]["name"]: size(one) for one in old}
    for one in oldest_first(old):
        name = one["metadata"]["name"]
        unhealthy = min(spare, max(0, sizes[name] - _available(one)))
        sizes[name] -= unhealthy
        spare -= unhealthy
    surplus = _available(new) + sum(_available(one) for one in old) - least
    for one in oldest_first(old):
        name = one["metadata"]["name"]
        fewer = max(0, min(surplus, sizes[name]))
        sizes[name] -= fewer
        surplus -= fewer
    return [
        Resize(one, sizes[one["metadata"]["name"]])
        for one in old
        if sizes[one["metadata"]["name"]] != size(one)
    ]


def _available(replica_set: Object) -> int:
    return int((replica_set.get("status") or {}).get("availableReplicas", 0))


def recreate_step(deployment: Object, new: Object | None, old: Sequence[Object]) -> list[Resize]:
    """The next step of a recreation: everything old goes before anything new comes."""
    shrinking = [Resize(one, 0) for one in old if size(one)]
    if shrinking or new is None or size(new) == wanted(deployment):
        return shrinking
    return [Resize(new, wanted(deployment))]


def is_resized(deployment: Object, sets: Sequence[Object]) -> bool:
    """Whether the deployment's size changed since its active sets were last sized."""
    replicas = str(wanted(deployment))
    return any(
        size(one) and (one["metadata"].get("annotations") or {}).get(DESIRED, replicas) != replicas
        for one in sets
    )


def proportional_step(deployment: Object, new: Object | None, old: Sequence[Object]) -> list[Resize]:
    """Spread a change of size over the active sets in proportion: a rollout under way keeps its balance."""
    sets = [*((new,) if new else ()), *old]
    active = [one for one in sets if size(one)]
    if len(active) <= 1:
        only = active[0] if active else new
        return [Resize(only, wanted(deployment))] if only is not None else []
    if new is not None and size(new) == wanted(deployment) == _available(new):
        return [Resize(new, wanted(deployment)), *(Resize(one, 0) for one in old if size(one))]
    if (deployment["spec"].get("strategy") or {}).get("type") == "Recreate":
        return []
    return _shares(deployment, active)


def _shares(deployment: Object, active: list[Object]) -> list[Resize]:
    total = sum(size(one) for one in active)
    most = wanted(deployment) + limits(deployment)[0] if wanted(deployment) else 0
    missing = most - total
    ordered = sorted(active, key=lambda one: (-size(one), one["metadata"].get("creationTimestamp", "")))
    if missing > 0:
        ordered.reverse()
        ordered.sort(key=size, reverse=True)  # of equal ones the newest grows first
    sizes = {one["metadata"]["name"]: size(one) for one in ordered}
    left = missing
    for one in ordered:
        annotated = (one["metadata"].get("annotations") or {}).get(MOST, "")
        base = int(annotated) if annotated.isdigit() and int(annotated) else total
        share = round(size(one) * most / base) - size(one) if missing else 0
        share = min(share, left) if missing > 0 else max(share, left)
        if share * missing > 0:
            sizes[one["metadata"]["name"]] += share
            left -= share
    first = ordered[0]["metadata"]["name"]
    sizes[first] = max(0, sizes[first] + left)
    return [Resize(one, sizes[one["metadata"]["name"]]) for one in ordered]
