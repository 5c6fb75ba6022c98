"""Decoding objects of built-in kinds as the server does: types, unknown fields, times, quantities.

What comes out is what a Go server would hold after reading: nulls and empty lists and maps are gone,
times are in UTC, quantities in canonical form, unknown fields dropped.
"""

import json
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from infra.lab.objects import crd, wording
from infra.lab.objects.quantities import QuantityError
from infra.lab.objects.resource import Resource
from infra.lab.objects.scalars import ABSENT, DecodeError, mismatch, quantity, scalar
from infra.lab.objects.schema import Shape, root_shape
from infra.lab.objects.statuses import Json, StatusError, bad_request, invalid, invalid_patch

_TYPE_META = frozenset({"apiVersion", "kind", "metadata"})
# Slices the server writes even when they are empty.
_KEPT_EMPTY = frozenset(
    {
        ("V1PodSpec", "containers"),
        ("V1EndpointSlice", "endpoints"),
        ("V1Role", "rules"),
        ("V1ClusterRole", "rules"),
        ("V1PolicyRule", "verbs"),
    }
)


@dataclass(slots=True)
class _Reading:
    """What is noticed on the way through a document."""

    unknown: list[str] = field(default_factory=list)


def decode(
    document: Json,
    resource: Resource,
    *,
    validation: str = "Warn",
    warnings: list[str] | None = None,
    duplicates: Sequence[str] = (),
    patch: bool = False,
) -> Json:
    """Read a document as an object of a built-in resource.

    Args:
        document: the JSON values; left as it is.
        resource: what it has to be.
        validation: fieldValidation: "Ignore", "Warn" or "Strict".
        warnings: receives a text for each unknown or repeated field under "Warn".
        duplicates: paths of repeated keys, as `bodies.read_object` found them.
        patch: whether it is the result of a patch, which is refused with 422 instead of 400.

    Raises:
        StatusError: it cannot be read as the kind, or has unknown fields under "Strict".
    """
    reading = _Reading()
    try:
        if resource.custom:
            decoded = _read_custom(document, resource, reading)
        else:
            decoded = _read(document, root_shape(resource.kind, resource.group), "", [], reading)
    except (DecodeError, QuantityError) as error:
        raise _refusal(document, resource, str(error), patch=patch) from None
    if validation != "Ignore":
        problems = [f'duplicate field "{path}"' for path in duplicates]
        problems += [f'unknown field "{path}"' for path in reading.unknown]
        if problems and validation == "Strict":
            raise _refusal(document, resource, f"strict decoding error: {', '.join(problems)}", patch=patch)
        if warnings is not None:
            warnings.extend(problems)
    return decoded if isinstance(decoded, dict) else {}


def _read_custom(document: Json, resource: Resource, reading: _Reading) -> Json:
    """A custom object: metadata as everywhere, the rest as the schema declares it."""
    decoded = deepcopy(document)
    if "metadata" in decoded:
        decoded["metadata"] = _read(
            decoded["metadata"], Shape("V1ObjectMeta"), "metadata.", ["metadata"], reading
        )
        if decoded["metadata"] is ABSENT:
            del decoded["metadata"]
    reading.unknown += crd.prune(decoded, resource)
    return decoded


def check_kind(
    document: Json,
    resource: Resource,
    *,
    known: Sequence[Resource] = (),
    warnings: list[str] | None = None,
) -> None:
    """Refuse a document of another kind or version than the URL's (empty ones count as the URL's).

    Args:
        document: the JSON values.
        resource: what the URL asks for.
        known: every resource the server serves: a known kind is refused otherwise than an unheard-of one.
        warnings: receives what the server warns of although it refuses.

    Raises:
        StatusError: 400, in the server's words; 422 for a custom object of another kind.
    """
    kind = document.get("kind") or resource.kind
    version = document.get("apiVersion") or resource.group_version
    if resource.custom:
        _check_custom_kind(document, resource, warnings)
        return
    if (kind, version) == (resource.kind, resource.group_version):
        return
    if any((one.kind, one.group_version) == (kind, version) for one in known):
        internal = (resource.group or "core").partition(".")[0]
        short = version.rpartition("/")[2]
        words = f"converting ({short}.{kind}) to ({internal}.{resource.kind}): unknown conversion"
    else:
        scheme = "pkg/api/legacyscheme/scheme.go:30"
        words = f'no kind "{kind}" is registered for version "{version}" in scheme "{scheme}"'
    raise _refusal(document, resource, words, patch=False)


def _check_custom_kind(document: Json, resource: Resource, warnings: list[str] | None) -> None:
    kind, version = document.get("kind", ""), document.get("apiVersion", "")
    if not kind or not version:
        missing = "Kind" if not kind else "apiVersion"
        text = json.dumps(document, separators=(",", ":"))
        raise StatusError(bad_request(f"Object '{missing}' is missing in '{text}'"))
    if version != resource.group_version:
        if warnings is not None:  # the server has no schema for that version, so knows no field of it
            warnings += [f'unknown field "{key}"' for key in document if key not in _TYPE_META]
        words = f"the API version in the data ({version}) does not match the expected API version "
        raise StatusError(bad_request(f"{words}({resource.group_version})"))
    if kind != resource.kind:
        name = (document.get("metadata") or {}).get("name", "")
        cause = wording.invalid("kind", kind, f"must be {resource.kind}")
        raise StatusError(invalid(name, kind, resource.group, [cause]))


def _refusal(document: Json, resource: Resource, words: str, *, patch: bool) -> StatusError:
    if patch:
        return StatusError(invalid_patch(words))
    kind = document.get("kind") or resource.kind
    version = str(document.get("apiVersion") or resource.version).rpartition("/")[2]
    # The server names the kind it read, in the version it read; a version of another group loses its group.
    return StatusError(
        bad_request(f'{kind} in version "{version}" cannot be handled as a {resource.kind}: {words}')
    )


def _read(value: Any, shape: Shape, path: str, keys: list[str], reading: _Reading) -> Any:
    """One value as its shape wants it; ABSENT for what the server would not keep."""
    if value is None:
        return ABSENT
    if shape.is_quantity and not shape.type.startswith("Dict"):
        return quantity(value, shape, keys)
    if shape.type.startswith("List["):
        return _list(value, shape, path, keys, reading)
    if shape.type.startswith("Dict["):
        return _map(value, shape, path, keys, reading)
    if shape.is_model:
        return _model(value, shape, path, keys, reading)
    return scalar(value, shape, keys)


def _model(value: Any, shape: Shape, path: str, keys: list[str], reading: _Reading) -> Any:
    if not isinstance(value, dict):
        raise mismatch(value, shape, keys)
    fields, droppable, result = shape.fields(), shape.zero_is_absent, {}
    for name, item in value.items():
        if name not in fields:
            reading.unknown.append(f"{path}{name}")
            continue
        read = _read(item, shape.field(name), f"{path}{name}.", [*keys, name], reading)
        if read is ABSENT or (name in droppable and not read):
            continue
        result[name] = read
    return result


def _list(value: Any, shape: Shape, path: str, keys: list[str], reading: _Reading) -> Any:
    if not isinstance(value, list):
        raise mismatch(value, shape, keys)
    if not value and (shape.owner, shape.name) not in _KEPT_EMPTY:
        return ABSENT
    item, base = shape.item(), path.removesuffix(".")
    read = (_read(one, item, f"{base}[{index}].", keys, reading) for index, one in enumerate(value))
    return [({} if item.is_model else "") if one is ABSENT else one for one in read]


def _map(value: Any, shape: Shape, path: str, keys: list[str], reading: _Reading) -> Any:
    if not isinstance(value, dict):
        raise mismatch(value, shape, keys)
    if not value:
        return ABSENT
    item = shape.field("")
    read = {name: _read(one, item, f"{path}{name}.", [*keys, name], reading) for name, one in value.items()}
    return {name: "" if one is ABSENT else one for name, one in read.items()}
