"""From a pod template to pods and to the hash that names its revision."""

import hashlib
import json
from typing import Any

from infra.lab.client import Object
from infra.lab.controllers.ownership import reference_to

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_HASH_LENGTH = 10
_GENERATE_NAME_LIMIT = 58


def template_hash(template: Any, *, collisions: int = 0) -> str:
    """A short name-safe hash of a template; another one for each collision seen."""
    text = json.dumps(template, sort_keys=True, separators=(",", ":")) + (
        str(collisions) if collisions else ""
    )
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    letters = []
    for _ in range(_HASH_LENGTH):
        number, rest = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[rest])
    return "".join(letters)


def pod_from(
    owner: Object, template: Object, *, name: str = "", labels: dict[str, str] | None = None
) -> Object:
    """A pod as a controller creates it: named by the owner, or by the server after the owner."""
    given = template.get("metadata") or {}
    prefix = f"{owner['metadata']['name']}-"
    metadata: Object = {"name": name} if name else {}
    metadata["generateName"] = (
        prefix if len(prefix) <= _GENERATE_NAME_LIMIT else prefix[:_GENERATE_NAME_LIMIT]
    )
    merged = {**(given.get("labels") or {}), **(labels or {})}
    if merged:
        metadata["labels"] = merged
    for field in ("annotations", "finalizers"):
        if given.get(field):
            metadata[field] = given[field]
    metadata["ownerReferences"] = [reference_to(owner)]
    return {"metadata": metadata, "spec": template["spec"]}
