"""A deployment's ReplicaSets: which one is current, what a new one looks like, how revisions are numbered."""

from collections.abc import Iterable, Sequence
from typing import Any

from infra.lab.client import Object
from infra.lab.controllers.ownership import reference_to
from infra.lab.controllers.rounding import resolve

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MOST = "deployment.kubernetes.io/max-replicas"
_NOT_COPIED = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        "deprecated.deployment.rollback.to",
        REVISION,
        REVISION_HISTORY,
        DESIRED,
        MOST,
    }
)


def wanted(deployment: Object) -> int:
    """How many replicas a deployment asks for."""
    return int(deployment["spec"].get("replicas", 1))


def size(replica_set: Object) -> int:
    """How many replicas a ReplicaSet asks for."""
    return int(replica_set["spec"].get("replicas", 1))


def limits(deployment: Object) -> tuple[int, int]:
    """Most pods above, and most pods missing: a percentage of the first rounds up, of the other down."""
    strategy = deployment["spec"].get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return 0, 0
    rolling, replicas = strategy.get("rollingUpdate") or {}, wanted(deployment)
    surge = resolve(rolling.get("maxSurge", "25%"), replicas, up=True)
    unavailable = resolve(rolling.get("maxUnavailable", "25%"), replicas, up=False)
    if not surge and not unavailable:
        unavailable = 1
    return surge, min(unavailable, replicas)


def current_set(deployment: Object, sets: Iterable[Object]) -> Object | None:
    """The ReplicaSet that has the deployment's template; the oldest where there are several."""
    template = _without_hash(deployment["spec"]["template"])
    same = [one for one in sets if _without_hash(one["spec"]["template"]) == template]
    return min(same, key=_age, default=None)


def oldest_first(sets: Iterable[Object]) -> list[Object]:
    """ReplicaSets by age."""
    return sorted(sets, key=_age)


def _age(replica_set: Object) -> tuple[str, str]:
    metadata = replica_set["metadata"]
    return metadata.get("creationTimestamp", ""), metadata["name"]


def _without_hash(template: Any) -> Any:
    metadata = template.get("metadata") or {}
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH_LABEL}
    return {**template, "metadata": {**metadata, "labels": labels, "creationTimestamp": None}}


def revision_of(item: Object) -> int:
    """The revision an object carries; 0 where it carries none."""
    text = (item["metadata"].get("annotations") or {}).get(REVISION, "")
    return int(text) if text.isdigit() else 0


def next_revision(others: Iterable[Object]) -> int:
    """The number after the highest of the other ReplicaSets."""
    return max((revision_of(one) for one in others), default=0) + 1


def scale_annotations(deployment: Object) -> dict[str, str]:
    """What a ReplicaSet remembers of the deployment's size when it is scaled."""
    return {DESIRED: str(wanted(deployment)), MOST: str(wanted(deployment) + limits(deployment)[0])}


def copied_annotations(deployment: Object) -> dict[str, str]:
    """The deployment's annotations that its ReplicaSets carry too."""
    given = deployment["metadata"].get("annotations") or {}
    return {key: value for key, value in given.items() if key not in _NOT_COPIED}


def set_annotations(deployment: Object, current: Object, revision: int) -> dict[str, str]:
    """The annotations the current ReplicaSet should have: a new revision where another one came between."""
    have: dict[str, str] = current["metadata"].get("annotations") or {}
    found = {**have, **copied_annotations(deployment)}
    before = revision_of(current)
    if before < revision:
        if before:
            history = [one for one in have.get(REVISION_HISTORY, "").split(",") if one]
            found[REVISION_HISTORY] = ",".join([*history, str(before)])
        found[REVISION] = str(revision)
    return found


def new_set(deployment: Object, replicas: int, *, revision: int, hashed: str) -> Object:
    """A ReplicaSet for the deployment's template."""
    metadata, spec = deployment["metadata"], deployment["spec"]
    template = spec["template"]
    given = template.get("metadata") or {}
    labels = {**(given.get("labels") or {}), HASH_LABEL: hashed}
    selector = spec["selector"]
    marked = {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), HASH_LABEL: hashed}}
    body: Object = {
        "replicas": replicas,
        "selector": marked,
        "template": {**template, "metadata": {**given, "labels": labels}},
    }
    if spec.get("minReadySeconds"):
        body["minReadySeconds"] = spec["minReadySeconds"]
    annotations = {
        **copied_annotations(deployment),
        **scale_annotations(deployment),
        REVISION: str(revision),
    }
    return {
        "metadata": {
            "name": f"{metadata['name']}-{hashed}",
            "namespace": metadata["namespace"],
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [reference_to(deployment)],
        },
        "spec": body,
    }


def to_forget(deployment: Object, old: Sequence[Object]) -> list[Object]:
    """Old ReplicaSets beyond the history limit: empty ones, the oldest first."""
    keep = int(deployment["spec"].get("revisionHistoryLimit", 10))
    surplus = len(old) - keep
    empty = [one for one in sorted(old, key=revision_of) if _is_spent(one)]
    return empty[: max(surplus, 0)]


def _is_spent(replica_set: Object) -> bool:
    metadata, status = replica_set["metadata"], replica_set.get("status") or {}
    settled = status.get("observedGeneration", 0) >= metadata.get("generation", 1)
    return (
        settled
        and not size(replica_set)
        and not status.get("replicas")
        and "deletionTimestamp" not in metadata
    )
