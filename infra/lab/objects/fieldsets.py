"""Sets of fields, as managedFields keeps them: which paths an object has, and how to write them down.

A path is a tuple of elements in the notation of FieldsV1: `f:name` a field or key, `k:{...}` a list element
by its keys, `v:...` an element of a set.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from infra.lab.objects.resource import Resource
from infra.lab.objects.schema import Shape, root_shape
from infra.lab.objects.statuses import Json

Path = tuple[str, ...]
FieldSet = frozenset[Path]
# Nobody manages what the server sets itself, nor what identifies the object.
_UNMANAGED = frozenset(
    {
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "generation",
        "managedFields",
        "selfLink",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    }
)
_KEY_DEFAULTS = {"protocol": "TCP"}


class Mergeable(Protocol):
    """How the parts of a value merge; built-in kinds and custom schemas both say so."""

    @property
    def apply_keys(self) -> tuple[str, ...]:
        """The keys of a list that merges like a map; none for other values."""
        ...

    @property
    def merges_values(self) -> bool:
        """Whether it is a list that merges as a set."""
        ...

    @property
    def is_atomic(self) -> bool:
        """Whether a map is owned as one piece."""
        ...

    def field(self, name: str) -> "Mergeable":
        """The shape of a field or key."""
        ...

    def item(self) -> "Mergeable":
        """The shape of a list's elements."""
        ...


class SchemaShape:
    """How the parts of a custom object merge; lists are one piece unless its schema says otherwise."""

    __slots__ = ("_schema",)

    def __init__(self, schema: Json) -> None:
        self._schema = schema

    @property
    def apply_keys(self) -> tuple[str, ...]:
        """The keys of a list that merges like a map."""
        keyed = self._schema.get("x-kubernetes-list-type") == "map"
        return tuple(self._schema.get("x-kubernetes-list-map-keys") or ()) if keyed else ()

    @property
    def merges_values(self) -> bool:
        """Whether a list merges as a set."""
        return bool(self._schema.get("x-kubernetes-list-type") == "set")

    @property
    def is_atomic(self) -> bool:
        """Whether a map is owned as one piece."""
        return bool(self._schema.get("x-kubernetes-map-type") == "atomic")

    def field(self, name: str) -> Mergeable:
        """The shape of a field or key."""
        declared = (self._schema.get("properties") or {}).get(name)
        additional = self._schema.get("additionalProperties")
        return SchemaShape(declared or (additional if isinstance(additional, dict) else {}))

    def item(self) -> Mergeable:
        """The shape of a list's elements."""
        return SchemaShape(self._schema.get("items") or {})


def shape_of(resource: Resource) -> Mergeable:
    """How objects of a resource merge."""
    if not resource.custom:
        return root_shape(resource.kind, resource.group)
    return _CustomRoot(resource.schema or {})


class _CustomRoot(SchemaShape):
    """The top of a custom object, whose metadata merges as everywhere."""

    __slots__ = ()

    def field(self, name: str) -> Mergeable:
        """The shape of a top-level field."""
        return Shape("V1ObjectMeta") if name == "metadata" else super().field(name)


def fields_of(obj: Json, resource: Resource) -> FieldSet:
    """Every field of an object that somebody can manage."""
    return frozenset(path for path, _ in leaves(obj, resource))


def leaves(obj: Json, resource: Resource) -> Iterator[tuple[Path, Any]]:
    """The paths of an object's fields with their values; elements of keyed lists come too, with None."""
    shape = shape_of(resource)
    for name, value in obj.items():
        if name in {"apiVersion", "kind"} or value is None:
            continue
        if name == "metadata":
            value = {key: item for key, item in value.items() if key not in _UNMANAGED}  # noqa: PLW2901
            if not value:
                continue
        yield from _leaves(value, shape.field(name), (f"f:{name}",))


def _leaves(value: Any, shape: Mergeable, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict) and value and not shape.is_atomic:
        for key, item in value.items():
            yield from _leaves(item, shape.field(key), (*path, f"f:{key}"))
    elif isinstance(value, list) and value and shape.apply_keys:
        for item in value:
            own = (*path, element(item, shape.apply_keys))
            yield own, None
            inner = shape.item()
            for key, part in item.items():
                yield from _leaves(part, inner.field(key), (*own, f"f:{key}"))
    elif isinstance(value, list) and value and shape.merges_values:
        yield from (((*path, member(item)), None) for item in value)
    else:
        yield path, value


def element(item: Json, keys: Iterable[str]) -> str:
    """The path element of a list's element."""
    own = {key: item.get(key, _KEY_DEFAULTS.get(key)) for key in sorted(keys)}
    return f"k:{_text({key: value for key, value in own.items() if value is not None})}"


def member(item: Any) -> str:
    """The path element of a set's element."""
    return f"v:{_text(item)}"


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def as_fields_v1(paths: Iterable[Path]) -> Json:
    """A set of paths as FieldsV1; "." marks an element that is owned itself, beside its parts."""
    root: Json = {}
    for path in sorted(paths):
        place = root
        for one in path:
            place = place.setdefault(one, {})
        if path[-1].startswith("k:"):
            place["."] = {}
    return root


def from_fields_v1(tree: Json, path: Path = ()) -> Iterator[Path]:
    """The paths of a FieldsV1."""
    inner = {key: value for key, value in tree.items() if key != "."}
    if path and ("." in tree or not inner):
        yield path
    for key, value in inner.items():
        yield from from_fields_v1(value, (*path, key))


def shown(path: Path) -> str:
    """A path as conflicts name it: `.spec.containers[name="main"].image`."""
    parts = []
    for one in path:
        kind, _, text = one.partition(":")
        if kind == "f":
            parts.append(f".{text}")
        elif kind == "k":
            keys = ",".join(f"{key}={_text(value)}" for key, value in json.loads(text).items())
            parts.append(f"[{keys}]")
        else:
            parts.append(f"[={text}]")
    return "".join(parts)
