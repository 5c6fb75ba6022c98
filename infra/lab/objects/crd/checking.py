"""Validation of custom objects against their schema: types, bounds, patterns, combinations, CEL rules."""

from collections.abc import Callable, Iterator
from typing import Any

from infra.lab.objects.crd import bounds
from infra.lab.objects.crd.rules import broken_rules, has_rules
from infra.lab.objects.resource import Resource
from infra.lab.objects.statuses import Cause, Json
from infra.lab.objects.wording import duplicate, required, shown

_UNCHECKED = (
    "Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation"
)
_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: _is_number(value) and float(value).is_integer(),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}
_SERVER_FIELDS = frozenset({"apiVersion", "kind", "metadata"})


def validate(obj: Json, old: Json | None, resource: Resource) -> list[Cause]:
    """Everything the schema refuses. Rules in CEL are looked at only if nothing else is wrong."""
    schema = resource.schema
    if not schema:
        return []
    body = {key: value for key, value in obj.items() if key not in _SERVER_FIELDS}
    checked = {
        **schema,
        "required": [key for key in schema.get("required") or () if key not in _SERVER_FIELDS],
    }
    found = list(_check(body, checked, ""))
    if found:
        return [*found, Cause("FieldValueInvalid", _UNCHECKED, "<nil>")] if has_rules(schema) else found
    before = None if old is None else {key: value for key, value in old.items() if key != "metadata"}
    return broken_rules(obj, before, schema, "")


def _check(value: Any, schema: Json, path: str) -> Iterator[Cause]:
    """The problems of one value; what has the wrong type is looked at no further."""
    if value is None and schema.get("nullable"):
        return
    if schema.get("x-kubernetes-int-or-string"):
        if not (isinstance(value, str) or _is_whole(value)):
            yield _type_error(value, "integer,string", path)
            return
    elif schema.get("type") and not _TYPES[schema["type"]](value):
        yield _type_error(value, schema["type"], path)
        return
    yield from bounds.problems(value, schema, path)
    if isinstance(value, dict):
        yield from _properties(value, schema, path)
    elif isinstance(value, list):
        yield from _items(value, schema, path)
    yield from _combinations(value, schema, path)


def _properties(value: Json, schema: Json, path: str) -> Iterator[Cause]:
    declared, additional = schema.get("properties") or {}, schema.get("additionalProperties")
    for key in schema.get("required") or ():
        if key not in value:
            yield required(_join(path, key))
    for key, item in value.items():
        if key in declared:
            yield from _check(item, declared[key], _join(path, key))
        elif isinstance(additional, dict):
            yield from _check(item, additional, _join(path, key))


def _items(value: list[Any], schema: Json, path: str) -> Iterator[Cause]:
    for index, item in enumerate(value):
        yield from _check(item, schema.get("items") or {}, f"{path}[{index}]")
    kind, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys") or ()
    seen: list[Any] = []
    for index, item in enumerate(value):
        own = {key: item.get(key) for key in keys} if kind == "map" and isinstance(item, dict) else item
        if kind in {"set", "map"} and own in seen:
            yield duplicate(f"{path}[{index}]", own)
        seen.append(own)


def _combinations(value: Any, schema: Json, path: str) -> Iterator[Cause]:
    for part in schema.get("allOf") or ():
        yield from _check(value, part, path)
    if schema.get("anyOf") and not any(_fits(value, part, path) for part in schema["anyOf"]):
        yield _combination(path, "must validate at least one schema (anyOf)")
    if schema.get("oneOf"):
        fitting = sum(_fits(value, part, path) for part in schema["oneOf"])
        if fitting != 1:
            found = "none" if fitting == 0 else "more than one"
            yield _combination(path, f"must validate one and only one schema (oneOf). Found {found} valid")
    if schema.get("not") and _fits(value, schema["not"], path):
        yield _combination(path, "must not validate the schema (not)")


def _fits(value: Any, schema: Json, path: str) -> bool:
    return next(_check(value, schema, path), None) is None


def _combination(path: str, words: str) -> Cause:
    return Cause("FieldValueInvalid", f'Invalid value: "": "{path}" {words}', path or "<nil>")


def _type_error(value: Any, wanted: str, path: str) -> Cause:
    """The server quotes the type it found, not the value."""
    found = shown(_type_name(value))
    words = f"Invalid value: {found}: {path} in body must be of type {wanted}: {found}"
    return Cause("FieldValueTypeInvalid", words, path or "<nil>")


def _type_name(value: Any) -> str:
    if value is None:
        return "null"
    order = ("boolean", "string", "array", "object", "integer")
    return next((name for name in order if _TYPES[name](value)), "number")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
