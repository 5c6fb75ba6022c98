"""The bounds a schema puts on a single value, and the server's sentences about them."""

import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any

from infra.lab.objects.statuses import Cause, Json
from infra.lab.objects.wording import shown

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def problems(value: Any, schema: Json, path: str) -> Iterator[Cause]:
    """What is wrong with a value of the right type, by itself."""
    allowed = schema.get("enum")
    if allowed and value not in allowed:
        listed = ", ".join(shown(one) for one in allowed)
        words = f"Unsupported value: {shown(value)}: supported values: {listed}"
        yield Cause("FieldValueNotSupported", words, path)
    if isinstance(value, bool):
        return
    match value:
        case int() | float():
            yield from _number(value, schema, path)
        case str():
            yield from _text(value, schema, path)
        case list():
            yield from _size(value, schema, path, "Items", "items")
        case dict():
            yield from _size(value, schema, path, "Properties", "properties")
        case _:
            return


def _invalid(path: str, value: Any, words: str) -> Cause:
    return Cause("FieldValueInvalid", f"Invalid value: {shown(value)}: {path} in body {words}", path)


def _number(value: float, schema: Json, path: str) -> Iterator[Cause]:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and (value < least or (value == least and schema.get("exclusiveMinimum"))):
        words = "greater than" if schema.get("exclusiveMinimum") else "greater than or equal to"
        yield _invalid(path, value, f"should be {words} {_plain(least)}")
    if most is not None and (value > most or (value == most and schema.get("exclusiveMaximum"))):
        words = "less than" if schema.get("exclusiveMaximum") else "less than or equal to"
        yield _invalid(path, value, f"should be {words} {_plain(most)}")
    step = schema.get("multipleOf")
    if step and value % step:
        yield _invalid(path, value, f"should be a multiple of {_plain(step)}")


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)


def _text(value: str, schema: Json, path: str) -> Iterator[Cause]:
    shortest, longest = schema.get("minLength"), schema.get("maxLength")
    if shortest is not None and len(value) < shortest:
        yield _invalid(path, value, f"should be at least {shortest} chars long")
    if longest is not None and len(value) > longest:
        yield Cause("FieldValueTooLong", f"Too long: may not be more than {longest} bytes", path)
    pattern = schema.get("pattern")
    if pattern and not _pattern(pattern).search(value):
        yield _invalid(path, value, f"should match '{pattern}'")
    if schema.get("format") == "date-time" and not _is_date_time(value):
        yield _invalid(path, value, f"must be of type date-time: {shown(value)}")


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    r"""A pattern of Go's syntax; Python's differs only in `\z`."""
    return re.compile(text.replace(r"\z", r"\Z"))


def _is_date_time(text: str) -> bool:
    if not _DATE_TIME.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text.upper())
    except ValueError:
        return False
    return True


def _size(value: list[Any] | Json, schema: Json, path: str, key: str, noun: str) -> Iterator[Cause]:
    least, most, size = schema.get(f"min{key}"), schema.get(f"max{key}"), len(value)
    if least is not None and size < least:
        yield _invalid(path, size, f"should have at least {least} {noun}")
    if most is not None and size > most:
        yield Cause("FieldValueTooMany", f"Too many: {size}: must have at most {most} {noun}", path)
