"""JSON patch and merge patch, with the differences a v1.36 API server shows."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import jsonpatch
import jsonpointer

from infra.lab.objects.statuses import Json, PatchError, bad_request, unprocessable
from infra.lab.objects.strategic import strategic_merge

__all__ = ["PatchError", "json_patch", "merge_patch", "strategic_merge"]

MAX_OPERATIONS = 10_000  # the server's own limit for one JSON patch


def json_patch(doc: Json, ops: Any) -> Json:
    """Apply JSON patch operations to a copy of an object.

    `replace` of a key that a map lacks adds it, as the server does (RFC 6902 would refuse).

    Raises:
        PatchError: 400 if it is no list of operations; 422 without an explanation if it does not apply.
    """
    if not isinstance(ops, list):
        raise PatchError(bad_request(f"error decoding patch: {_wrong_type(ops, '[]handlers.jsonPatchOp')}"))
    if len(ops) > MAX_OPERATIONS:
        words = f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(ops)}"
        raise PatchError(bad_request(words))
    result: Any = deepcopy(doc)
    try:
        for operation in ops:
            result = jsonpatch.JsonPatch([_lenient(result, operation)]).apply(result, in_place=True)
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, TypeError, KeyError) as error:
        raise PatchError(unprocessable()) from error
    if not isinstance(result, dict):
        raise PatchError(unprocessable())
    return result


def _lenient(doc: Any, operation: Json) -> Json:
    """The operation as RFC 6902 has to read it to do what the server does."""
    if not isinstance(operation, dict):
        raise jsonpatch.InvalidJsonPatch
    if operation.get("op") != "replace":
        return operation
    pointer = jsonpointer.JsonPointer(operation["path"])
    if not pointer.parts:
        return operation
    parent, key = pointer.to_last(doc)
    missing = isinstance(parent, dict) and key not in parent
    return {**operation, "op": "add"} if missing else operation


def merge_patch(doc: Json, patch: Any) -> Json:
    """Merge a patch into a copy of an object (RFC 7386): null removes, lists are replaced whole.

    Raises:
        PatchError: 400 if the patch is not an object.
    """
    if not isinstance(patch, dict):
        raise PatchError(
            bad_request(f"error decoding patch: {_wrong_type(patch, 'map[string]interface {}')}")
        )
    merged: Json = _merged(doc, patch)
    return merged


def _merged(value: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return deepcopy(patch)
    result = dict(value) if isinstance(value, dict) else {}
    for key, change in patch.items():
        if change is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), change)
    return {key: deepcopy(item) if key not in patch else item for key, item in result.items()}


def _wrong_type(value: Any, wanted: str) -> str:
    """Go's words for JSON of another type than wanted."""
    return f"json: cannot unmarshal {json_type(value)} into Go value of type {wanted}"


def json_type(value: Any) -> str:
    """The JSON type of a decoded value, as Go's decoder names it."""
    match value:
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "string"
        case Sequence():
            return "array"
        case None:
            return "null"
        case _:
            return "object"
