"""ControllerRevisions: the history of a template, for the workloads that keep it there."""

from collections.abc import Iterable, Sequence
from typing import Any

from infra.lab.client import Object
from infra.lab.controllers import kinds
from infra.lab.controllers.changes import Change, Patch, Remove
from infra.lab.controllers.cluster import Cluster
from infra.lab.controllers.ownership import is_going, reference_to
from infra.lab.controllers.templates import template_hash

HASH_LABEL = "controller-revision-hash"


def data_of(owner: Object) -> Any:
    """What a revision remembers of its owner."""
    return {"spec": {"template": {**owner["spec"]["template"], "$patch": "replace"}}}


def template_of(revision: Object) -> Object:
    """The pod template a revision remembers."""
    template = revision["data"]["spec"]["template"]
    return {key: value for key, value in template.items() if key != "$patch"}


def current_revision(owner: Object, revisions: Iterable[Object]) -> Object | None:
    """The revision that has the owner's template."""
    wanted = data_of(owner)
    return next((one for one in in_order(revisions) if one.get("data") == wanted), None)


def in_order(revisions: Iterable[Object]) -> list[Object]:
    """Revisions by their number."""
    return sorted(revisions, key=lambda one: (one.get("revision", 0), one["metadata"]["name"]))


def new_revision(owner: Object, revisions: Sequence[Object]) -> Object:
    """A revision for the owner's template, numbered after all others."""
    metadata = owner["metadata"]
    hashed = template_hash(owner["spec"]["template"])
    labels = owner["spec"]["template"].get("metadata", {}).get("labels") or {}
    return {
        "metadata": {
            "name": f"{metadata['name']}-{hashed}",
            "namespace": metadata["namespace"],
            "labels": {**labels, HASH_LABEL: hashed},
            "ownerReferences": [reference_to(owner)],
        },
        "data": data_of(owner),
        "revision": max((one.get("revision", 0) for one in revisions), default=0) + 1,
    }


def hash_of(revision: Object) -> str:
    """The hash that marks the pods of a revision."""
    return str((revision["metadata"].get("labels") or {}).get(HASH_LABEL, revision["metadata"]["name"]))


def to_forget(owner: Object, revisions: Sequence[Object], used: set[str]) -> list[Change]:
    """Revisions beyond the history limit that no pod has."""
    unused = [one for one in in_order(revisions) if hash_of(one) not in used and not is_going(one)]
    surplus = len(unused) - int(owner["spec"].get("revisionHistoryLimit", 10))
    return [Remove(kinds.REVISIONS, one) for one in unused[: max(0, surplus)]]


async def ensure_revision(cluster: Cluster, owner: Object) -> tuple[Object, list[Object]]:
    """The revision of the owner's template, made or renumbered where needed; and all revisions in order."""
    cache = cluster.cache(kinds.REVISIONS)
    known = cache.by("controller", owner["metadata"]["uid"])
    found = current_revision(owner, known)
    if found is None:
        found = await cluster.create(
            kinds.REVISIONS, owner["metadata"]["namespace"], new_revision(owner, known)
        )
    elif found is not in_order(known)[-1]:  # rolled back to
        number = max(one.get("revision", 0) for one in known) + 1
        await cluster.perform([Patch(kinds.REVISIONS, found, {"revision": number})])
        found = cache.get(*_key(found)) or found
    return found, in_order(cache.by("controller", owner["metadata"]["uid"]))


def _key(revision: Object) -> tuple[str, str]:
    return revision["metadata"]["namespace"], revision["metadata"]["name"]
