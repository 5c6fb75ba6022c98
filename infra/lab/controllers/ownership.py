"""Who owns what: owner references, and which orphans a controller takes or lets go."""

from collections.abc import Iterable
from dataclasses import dataclass

from infra.lab.client import Object
from infra.lab.objects.selectors import match_label_selector


def controller_of(item: Object) -> Object | None:
    """The reference to an object's controller."""
    references = item["metadata"].get("ownerReferences") or ()
    return next((one for one in references if one.get("controller")), None)


def is_controlled_by(item: Object, owner: Object) -> bool:
    """Whether an object's controller is this owner, and not one of the same name before it."""
    reference = controller_of(item)
    return reference is not None and reference["uid"] == owner["metadata"]["uid"]


def controller_index(item: Object) -> tuple[str, ...]:
    """Index values: the controller's UID, or ``none/NAMESPACE``."""
    reference = controller_of(item)
    return (reference["uid"] if reference else f"none/{item['metadata'].get('namespace', '')}",)


def reference_to(owner: Object) -> Object:
    """The owner reference of a controller's dependents."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def is_going(item: Object) -> bool:
    """Whether an object's deletion has begun."""
    return "deletionTimestamp" in item["metadata"]


@dataclass(frozen=True, slots=True)
class Claims:
    """What a controller has, takes and lets go."""

    owned: tuple[Object, ...]
    adopt: tuple[Object, ...]
    release: tuple[Object, ...]


def claim(owner: Object, owned: Iterable[Object], orphans: Iterable[Object]) -> Claims:
    """Sort what an owner controls and what nobody does by the owner's selector."""
    selector = owner["spec"].get("selector")
    kept, release, adopt = [], [], []
    for item in owned:
        if match_label_selector(selector, item["metadata"].get("labels")):
            kept.append(item)
        elif not is_going(item) and not is_going(owner):
            release.append(item)
    if not is_going(owner):
        adopt = [
            item
            for item in orphans
            if not is_going(item)
            and not _is_finished(item)
            and match_label_selector(selector, item["metadata"].get("labels"))
        ]
    return Claims(tuple(kept), tuple(adopt), tuple(release))


def _is_finished(item: Object) -> bool:
    return (item.get("status") or {}).get("phase") in {"Succeeded", "Failed"}


def adoption(item: Object, owner: Object) -> Object:
    """The merge patch that makes an owner an object's controller."""
    references = [*(item["metadata"].get("ownerReferences") or ()), reference_to(owner)]
    return _references(item, references)


def release(item: Object, owner_uid: str) -> Object:
    """The merge patch that takes an owner off an object's references."""
    references = [one for one in item["metadata"].get("ownerReferences") or () if one["uid"] != owner_uid]
    return _references(item, references)


def _references(item: Object, references: list[Object]) -> Object:
    metadata = item["metadata"]
    return {
        "metadata": {
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],  # nobody else's change to the list is lost
            "ownerReferences": references or None,
        }
    }
