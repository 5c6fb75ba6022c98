"""Strategic merge patch: lists that merge by key, and directives such as `$patch`."""

from copy import deepcopy
from typing import Any

from infra.lab.objects.schema import Shape, root_shape
from infra.lab.objects.statuses import Json, PatchError, bad_request, unexplained

_ORDER = "$setElementOrder/"
_DELETE_FROM = "$deleteFromPrimitiveList/"
_DIRECTIVE = "$patch"
_RETAIN = "$retainKeys"


def strategic_merge(doc: Json, patch: Any, *, kind: str) -> Json:
    """Merge a strategic patch into a copy of an object of a built-in kind.

    Raises:
        PatchError: 400 if the patch is no object; 500 if an element lacks its merge key.
    """
    if not isinstance(patch, dict):
        raise PatchError(
            bad_request(
                "error decoding patch: json: cannot unmarshal array into Go value of type "
                "map[string]interface {}"
            )
        )
    merged = _merge_map(deepcopy(doc), patch, root_shape(kind))
    return merged if merged is not None else {}


def _merge_map(value: Json, patch: Json, shape: Shape) -> Json | None:
    """The merged map; None where the patch deletes it."""
    directive = patch.get(_DIRECTIVE)
    if directive == "replace":
        # As recorded on labels: `$patch: replace` empties the map and the server keeps nothing of the patch.
        return {}
    if directive == "delete":
        return {}
    if directive not in {None, "merge"}:
        raise PatchError(unexplained(f"unknown patch type: {directive}"))
    if _RETAIN in patch:
        value = {key: item for key, item in value.items() if key in patch[_RETAIN]}
    for key, change in patch.items():
        if not key.startswith("$"):
            _merge_field(value, key, change, shape.field(key))
    for key, listed in patch.items():
        if key.startswith(_DELETE_FROM):
            name = key.removeprefix(_DELETE_FROM)
            value[name] = [item for item in value.get(name, []) if item not in listed]
        if key.startswith(_ORDER):
            name = key.removeprefix(_ORDER)
            value[name] = _reordered(value.get(name, []), listed, shape.field(name).merge_key)
    return value


def _merge_field(value: Json, key: str, change: Any, shape: Shape) -> None:
    if change is None:
        value.pop(key, None)
    elif isinstance(change, dict) and isinstance(value.get(key), dict):
        value[key] = _merge_map(value[key], change, shape)
    elif isinstance(change, list) and shape.merge_key:
        value[key] = _merge_list(value.get(key) or [], change, shape)
    elif isinstance(change, list) and shape.merges_values:
        value[key] = [*value.get(key, []), *(item for item in change if item not in value.get(key, []))]
    else:
        value[key] = _without_directives(change)


def _merge_list(items: list[Any], changes: list[Any], shape: Shape) -> list[Any]:
    """Merge by key. New elements go in front when the list has others, as the server places them."""
    if any(change.get(_DIRECTIVE) == "replace" for change in changes):
        return [_without_directives(change) for change in changes if change.get(_DIRECTIVE) != "replace"]
    key = shape.merge_key
    result, fresh = list(items), []
    for change in changes:
        if key not in change:
            raise PatchError(
                unexplained(f"map: {_go_map(change)} does not contain declared merge key: {key}")
            )
        at = next((i for i, item in enumerate(result) if item.get(key) == change[key]), None)
        if change.get(_DIRECTIVE) == "delete":
            result = [item for item in result if item.get(key) != change[key]]
        elif at is None:
            fresh.append(_without_directives(change))
        else:
            result[at] = _merge_map(result[at], change, shape.item()) or {}
    return _placed(result, fresh, changes, str(key))


def _placed(result: list[Any], fresh: list[Any], changes: list[Any], key: str) -> list[Any]:
    """Elements of the patch keep the patch's order among themselves, the others keep theirs.

    The server merges both orders; where nothing decides, the patch comes first.
    """
    if not fresh:
        return result
    order = [change[key] for change in changes]
    named = [item for item in [*result, *fresh] if item.get(key) in order]
    named.sort(key=lambda item: order.index(item[key]))
    rest = [item for item in result if item.get(key) not in order]
    live = [item.get(key) for item in result]
    return _interleaved(named, rest, live, key)


def _interleaved(named: list[Any], rest: list[Any], live: list[Any], key: str) -> list[Any]:
    merged: list[Any] = []
    while named and rest:
        first = named[0].get(key)
        waits = first in live and live.index(first) > live.index(rest[0].get(key))
        merged.append(rest.pop(0) if waits else named.pop(0))
    return [*merged, *named, *rest]


def _reordered(items: list[Any], order: list[Any], merge_key: str) -> list[Any]:
    """The items in the order asked for; those the order does not name keep their place at the end."""
    keys = [entry.get(merge_key) if isinstance(entry, dict) else entry for entry in order]

    def place(item: Any) -> int:
        key = item.get(merge_key) if isinstance(item, dict) else item
        return keys.index(key) if key in keys else len(keys)

    return sorted(items, key=place)


def _without_directives(value: Any) -> Any:
    """A value taken over from a patch: no directives, no nulls."""
    if isinstance(value, dict):
        return {
            k: _without_directives(v) for k, v in value.items() if not k.startswith("$") and v is not None
        }
    if isinstance(value, list):
        kept = (item for item in value if not (isinstance(item, dict) and item.get(_DIRECTIVE) == "delete"))
        return [_without_directives(item) for item in kept]
    return deepcopy(value)


def _go_map(value: Any) -> str:
    """A value as Go's `%v` prints it."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{_go_map(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(_go_map(item) for item in value) + "]"
    return str(value).lower() if isinstance(value, bool) else "<nil>" if value is None else str(value)
