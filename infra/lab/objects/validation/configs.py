"""Validation of config maps and secrets."""

from infra.lab.objects import names
from infra.lab.objects.statuses import Cause, Json
from infra.lab.objects.wording import forbidden, immutable, invalid

_MOST_BYTES = 1024 * 1024
_IMMUTABLE = "field is immutable when `immutable` is set"


def config_map(obj: Json, old: Json | None) -> list[Cause]:
    """A config map."""
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    found = _frozen(obj, old, ("data", "binaryData"))
    for key in data:
        found += [invalid(f"data[{key}]", key, words) for words in names.config_key(key)]
        if key in binary:
            found.append(invalid(f"data[{key}]", key, "duplicate of key present in binaryData"))
    for key in binary:
        found += [invalid(f"binaryData[{key}]", key, words) for words in names.config_key(key)]
    size = sum(len(text.encode()) for text in data.values()) + sum(_decoded(text) for text in binary.values())
    return [*found, *_too_long(size, "")]


def secret(obj: Json, old: Json | None) -> list[Cause]:
    """A secret."""
    data = obj.get("data") or {}
    found = []
    if old is not None and obj.get("type") != old.get("type"):
        found.append(immutable("type", obj.get("type")))
    found += _frozen(obj, old, ("data",))
    for key in data:
        found += [invalid(f"data[{key}]", key, words) for words in names.config_key(key)]
    return [*found, *_too_long(sum(_decoded(text) for text in data.values()), "data")]


def _frozen(obj: Json, old: Json | None, parts: tuple[str, ...]) -> list[Cause]:
    """Once `immutable` is set, neither it nor the contents may change."""
    if old is None or not old.get("immutable"):
        return []
    found = [] if obj.get("immutable") else [forbidden("immutable", _IMMUTABLE)]
    changed = (part for part in parts if (obj.get(part) or {}) != (old.get(part) or {}))
    return [*found, *(forbidden(part, _IMMUTABLE) for part in changed)]


def _decoded(text: str) -> int:
    """How many bytes a base64 text stands for."""
    return len(text) * 3 // 4 - text.count("=")


def _too_long(size: int, field: str) -> list[Cause]:
    words = f"Too long: may not be more than {_MOST_BYTES} bytes"
    return [Cause("FieldValueTooLong", words, field)] if size > _MOST_BYTES else []
