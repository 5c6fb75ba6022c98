"""Plain values as Go reads them, and its words for what does not fit."""

import base64
import binascii
import re
from datetime import UTC, datetime
from typing import Any

from infra.lab.objects.patches import json_type
from infra.lab.objects.quantities import canonical
from infra.lab.objects.schema import Shape
from infra.lab.objects.schema_facts import MICRO_TIMES, WIDE

ABSENT: Any = object()
"""What stands for a value that the server would not keep."""
_LIST_TYPES = re.compile(r"List\[(.*)\]")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?P<fraction>\.\d+)?(Z|[+-]\d\d:\d\d)")


class DecodeError(ValueError):
    """A value of the wrong type; the message is Go's."""


def scalar(value: Any, shape: Shape, keys: list[str]) -> Any:
    """A plain value of the shape's type.

    Raises:
        DecodeError: it has another type, or cannot be read.
    """
    match shape.type:
        case "str":
            fits = isinstance(value, str)
        case "int":
            fits = isinstance(value, int) and not isinstance(value, bool)
        case "bool":
            fits = isinstance(value, bool)
        case "float":
            fits = isinstance(value, int | float) and not isinstance(value, bool)
        case "datetime":
            return _time(value, shape, keys)
        case "bytes":
            return _bytes(value, shape, keys)
        case _:
            return value
    if not fits:
        raise mismatch(value, shape, keys)
    return value


def quantity(value: Any, shape: Shape, keys: list[str]) -> str:
    """A quantity in canonical form."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise mismatch(value, shape, keys)
    return canonical(value)


def _time(value: Any, shape: Shape, keys: list[str]) -> Any:
    """A time in UTC, to the second or, for micro times, with exactly six digits."""
    if not isinstance(value, str):
        raise mismatch(value, shape, keys)
    if not value:
        return ABSENT
    micro = (shape.owner, shape.name) in MICRO_TIMES
    layout = "2006-01-02T15:04:05.000000Z07:00" if micro else "2006-01-02T15:04:05Z07:00"
    found = _TIME.fullmatch(value)
    fraction = found["fraction"] if found else None
    if not found or (micro and len(fraction or "") != 7):
        wanted, got = (".000000", value[19:]) if found and micro else ("2006", value)
        words = f'parsing time "{value}" as "{layout}": cannot parse "{got}" as "{wanted}"'
        raise DecodeError(words)
    moment = datetime.fromisoformat(value).astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if micro else "%Y-%m-%dT%H:%M:%SZ")


def _bytes(value: Any, shape: Shape, keys: list[str]) -> str:
    if not isinstance(value, str):
        raise mismatch(value, shape, keys)
    wrong = re.search(r"[^A-Za-z0-9+/=]", value)
    at = wrong.start() if wrong else len(value) - len(value) % 4
    try:
        base64.b64decode(value, validate=True)
    except binascii.Error:
        words = f"illegal base64 data at input byte {at}"
        raise DecodeError(words) from None
    return value


def mismatch(value: Any, shape: Shape, keys: list[str]) -> DecodeError:
    """Go's refusal of a JSON type, naming the struct and the whole path."""
    struct = _bare(shape.owner) or _bare(shape.type)
    where = f"struct field {struct}.{'.'.join(keys)}" if keys else "value"
    return DecodeError(f"json: cannot unmarshal {json_type(value)} into Go {where} of type {_go_type(shape)}")


def _bare(model: str) -> str:
    return re.sub(r"^(Core|Events|Authentication|Discovery)?V\d+", "", model)


def _go_type(shape: Shape) -> str:
    if found := _LIST_TYPES.fullmatch(shape.type):
        return "[]" + _go_type(Shape(found[1], shape.owner, shape.name))
    if shape.type.startswith("Dict["):
        return "map[string]" + _go_type(shape.field(""))
    if shape.is_model:
        return f"v1.{_bare(shape.type)}"
    if shape.type == "int":
        return "int64" if shape.name in WIDE else "int32"
    return {"str": "string", "float": "float64", "datetime": "string", "bytes": "[]uint8"}.get(
        shape.type, shape.type
    )
