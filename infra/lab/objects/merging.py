"""Laying an applied configuration over a live object, and taking given-up fields out of it."""

from copy import deepcopy
from typing import Any

from infra.lab.objects.fieldsets import FieldSet, Mergeable, element, member
from infra.lab.objects.statuses import Json


def merge(value: Any, change: Any, shape: Mergeable) -> Any:
    """The live value with the configuration laid over it."""
    if isinstance(change, dict) and isinstance(value, dict) and not shape.is_atomic:
        for key, item in change.items():
            value[key] = merge(value[key], item, shape.field(key)) if key in value else deepcopy(item)
        return value
    if isinstance(change, list) and isinstance(value, list) and shape.apply_keys:
        return _merge_list(value, change, shape)
    if isinstance(change, list) and isinstance(value, list) and shape.merges_values:
        return [*value, *(item for item in change if item not in value)]
    return deepcopy(change)


def _merge_list(items: list[Any], changes: list[Any], shape: Mergeable) -> list[Any]:
    """Elements found by their keys are merged, others come last."""
    places = {element(item, shape.apply_keys): index for index, item in enumerate(items)}
    for change in changes:
        at = places.get(element(change, shape.apply_keys))
        if at is None:
            items.append(deepcopy(change))
        else:
            items[at] = merge(items[at], change, shape.item())
    return items


def remove(obj: Json, paths: FieldSet, shape: Mergeable) -> None:
    """Take given-up fields out of an object: list elements before their parts, maps that become empty too."""
    for path in sorted(paths, key=len):
        _remove_one(obj, path, shape)


def _remove_one(value: Any, path: tuple[str, ...], shape: Mergeable) -> None:
    kind, _, text = path[0].partition(":")
    if kind == "f" and isinstance(value, dict) and text in value:
        inner = shape.field(text)
        if len(path) == 1:
            del value[text]
            return
        _remove_one(value[text], path[1:], inner)
        if value[text] in ({}, []):
            del value[text]
    elif kind == "k" and isinstance(value, list):
        found = next((item for item in value if element(item, shape.apply_keys) == path[0]), None)
        if found is not None and len(path) == 1:
            value.remove(found)
        elif found is not None:
            _remove_one(found, path[1:], shape.item())
    elif kind == "v" and isinstance(value, list):
        value[:] = [item for item in value if member(item) != path[0]]
