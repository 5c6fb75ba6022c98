"""Unknown fields of custom objects go, defaults come."""

from copy import deepcopy
from typing import Any

from infra.lab.objects.resource import Resource
from infra.lab.objects.statuses import Json

_ALWAYS = frozenset({"apiVersion", "kind", "metadata"})


def prune(obj: Json, resource: Resource) -> list[str]:
    """Drop in place what the schema does not declare; the paths of what went, in document order."""
    dropped: list[str] = []
    _prune(obj, resource.schema or {"x-kubernetes-preserve-unknown-fields": True}, "", dropped, kept=_ALWAYS)
    return dropped


def _prune(
    value: Any, schema: Json, path: str, dropped: list[str], kept: frozenset[str] = frozenset()
) -> None:
    if isinstance(value, list):
        base = path.removesuffix(".")
        for index, item in enumerate(value):
            _prune(item, schema.get("items") or {}, f"{base}[{index}].", dropped)
    if not isinstance(value, dict):
        return
    if schema.get("x-kubernetes-embedded-resource"):
        kept |= _ALWAYS
    declared, additional = schema.get("properties") or {}, schema.get("additionalProperties")
    free = bool(schema.get("x-kubernetes-preserve-unknown-fields"))
    for key in list(value):
        if key in kept:
            continue
        if key in declared:
            _prune(value[key], declared[key], f"{path}{key}.", dropped)
        elif isinstance(additional, dict):
            _prune(value[key], additional, f"{path}{key}.", dropped)
        elif not additional and not free:
            del value[key]
            dropped.append(f"{path}{key}")


def default(obj: Json, resource: Resource) -> None:
    """Fill in place what the schema has defaults for, inside objects that are there."""
    _default(obj, resource.schema or {})


def _default(value: Any, schema: Json) -> None:
    if isinstance(value, list):
        for item in value:
            _default(item, schema.get("items") or {})
    if not isinstance(value, dict):
        return
    declared = schema.get("properties") or {}
    for key, inner in declared.items():
        if "default" in inner and (key not in value or _is_unwanted_null(value[key], inner)):
            value[key] = deepcopy(inner["default"])
        if key in value:
            _default(value[key], inner)
    additional = schema.get("additionalProperties")
    if isinstance(additional, dict):
        for key in value.keys() - declared.keys():
            _default(value[key], additional)


def _is_unwanted_null(value: Any, schema: Json) -> bool:
    return value is None and not schema.get("nullable")
