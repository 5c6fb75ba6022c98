"""The server's sentences about fields."""

import json
from collections.abc import Iterable
from typing import Any

from infra.lab.objects.statuses import Cause

IMMUTABLE = "field is immutable"
NOT_NEGATIVE = "must be greater than or equal to 0"


def shown(value: Any) -> str:
    """A value as refusals quote it: JSON without spaces, maps of texts in the order of their keys."""
    if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
        value = dict(sorted(value.items()))
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def required(field: str, detail: str = "") -> Cause:
    """A field that has to be there."""
    return Cause("FieldValueRequired", f"Required value: {detail}" if detail else "Required value", field)


def invalid(field: str, value: Any, detail: str) -> Cause:
    """A value that may not be."""
    return Cause("FieldValueInvalid", f"Invalid value: {shown(value)}: {detail}", field)


def unsupported(field: str, value: Any, supported: Iterable[str]) -> Cause:
    """A value outside a fixed set."""
    listed = ", ".join(f'"{one}"' for one in supported)
    return Cause(
        "FieldValueNotSupported", f"Unsupported value: {shown(value)}: supported values: {listed}", field
    )


def forbidden(field: str, detail: str) -> Cause:
    """A change or field that is not allowed here."""
    return Cause("FieldValueForbidden", f"Forbidden: {detail}", field)


def duplicate(field: str, value: Any) -> Cause:
    """A value that is there twice."""
    return Cause("FieldValueDuplicate", f"Duplicate value: {shown(value)}", field)


def not_found(field: str, value: Any) -> Cause:
    """A reference to nothing."""
    return Cause("FieldValueNotFound", f"Not found: {shown(value)}", field)


def immutable(field: str, value: Any) -> Cause:
    """A change of what may not change."""
    return invalid(field, value, IMMUTABLE)


def not_negative(field: str, value: Any) -> list[Cause]:
    """A refusal of a negative number; nothing for an absent one."""
    return [invalid(field, value, NOT_NEGATIVE)] if isinstance(value, int) and value < 0 else []


def one_of(field: str, value: Any, supported: Iterable[str]) -> list[Cause]:
    """A refusal of a value outside a set; nothing for an absent one."""
    allowed = tuple(supported)
    return [unsupported(field, value, allowed)] if value is not None and value not in allowed else []
