"""The shape of built-in kinds: fields, their types, and how their lists merge.

The field tables are those of the official Python client's models, which are generated from the API's own
description. What that description loses (merge keys, quantities, the width of integers) is in `schema_facts`.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from infra.lab.objects.schema_facts import (
    APPLY_KEYS,
    ATOMIC_MAPS,
    ATOMIC_MODELS,
    MERGE_KEYS,
    MODEL_OF_KIND,
    QUANTITIES,
    VALUE_SETS,
    ZERO_IS_ABSENT,
)


@dataclass(frozen=True, slots=True)
class Shape:
    """One place in an object.

    `type` is the model's type expression ("V1PodSpec", "List[V1Container]", "Dict[str, str]", "int"), or
    "object" where anything goes; `owner` and `name` say which field of which model it is.
    """

    type: str
    owner: str = ""
    name: str = ""

    @property
    def merge_key(self) -> str:
        """The key by which strategic merge matches elements; empty if the list is replaced whole."""
        return MERGE_KEYS.get((self.owner, self.name), "")

    @property
    def apply_keys(self) -> tuple[str, ...]:
        """The keys by which apply matches elements; none if the list is owned whole."""
        key = self.merge_key
        return APPLY_KEYS.get((self.owner, self.name), (key,) if key else ())

    @property
    def merges_values(self) -> bool:
        """Whether the list is a set of plain values."""
        return (self.owner, self.name) in VALUE_SETS

    @property
    def is_atomic(self) -> bool:
        """Whether apply owns it as one piece, although it has parts."""
        return self.type in ATOMIC_MODELS or (self.owner, self.name) in ATOMIC_MAPS

    @property
    def is_quantity(self) -> bool:
        """Whether its values are resource quantities."""
        return (self.owner, self.name) in QUANTITIES

    @property
    def zero_is_absent(self) -> frozenset[str]:
        """Its fields that are left out at their zero value."""
        return ZERO_IS_ABSENT.get(self.type, frozenset())

    @property
    def is_model(self) -> bool:
        """Whether it has named fields."""
        return bool(_fields(self.type))

    def fields(self) -> dict[str, str]:
        """JSON name -> type of its named fields; empty for maps, lists and plain values."""
        return _fields(self.type)

    def field(self, name: str) -> "Shape":
        """The shape of one field, or of any value of a map."""
        if self.type.startswith("Dict["):
            return Shape(self.type[5:-1].partition(", ")[2], self.owner, self.name)
        return Shape(self.fields().get(name, "object"), self.type, name)

    def item(self) -> "Shape":
        """The shape of a list's elements."""
        return Shape(self.type[5:-1] if self.type.startswith("List[") else "object", self.owner, self.name)


@cache
def root_shape(kind: str, group: str = "") -> Shape:
    """The shape of a built-in kind; an unknown kind has the shape "object", where anything goes."""
    name = MODEL_OF_KIND.get(f"{kind}.{group}") or MODEL_OF_KIND.get(kind) or f"V1{kind}"
    return Shape(name if _fields(name) else "object")


@cache
def _fields(model: str) -> dict[str, str]:
    """The field table of a client model by JSON name."""
    # Imported here: it costs 0.2 s, and only the process that serves the API needs it.
    from kubernetes.client import models

    found: Any = getattr(models, model, None)
    if found is None or not hasattr(found, "openapi_types"):
        return {}
    names: dict[str, str] = found.attribute_map
    types: dict[str, str] = found.openapi_types
    return {names[attribute]: kind for attribute, kind in types.items()}
