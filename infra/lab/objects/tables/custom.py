"""The columns of custom resources: those their definition names, by JSONPath, or the age."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

from infra.lab.objects.resource import Resource
from infra.lab.objects.statuses import Json
from infra.lab.objects.tables.column import Column, age, age_column, name_column

_STEP = re.compile(
    r"\.(?P<key>[\w-]+)"
    r"|\[(?P<index>-?\d+)\]"
    r"|\[(?P<all>\*)\]|\.(?P<every>\*)"
    r"""|\[['"](?P<quoted>[^'"]+)['"]\]"""
    r"""|\[\?\(@\.(?P<field>[\w.-]+)\s*==\s*['"](?P<value>[^'"]*)['"]\)\]"""
)


def columns(resource: Resource) -> tuple[Column, ...]:
    """The columns of a custom resource."""
    if not resource.columns:
        return (name_column(), age_column())
    return (name_column(), *(_column(one) for one in resource.columns))


def _column(definition: Json) -> Column:
    return Column(
        definition["name"],
        _cell(definition["jsonPath"], definition.get("type", "string")),
        type=definition.get("type", "string"),
        format=definition.get("format", ""),
        priority=definition.get("priority", 0),
        description=definition.get("description", ""),
    )


def _cell(path: str, kind: str) -> Callable[[Json, datetime], Any]:
    def cell(obj: Json, now: datetime) -> Any:
        found = select(obj, path)
        if not found or found[0] is None:
            return None
        if kind == "date":
            return age(found[0], now)
        return " ".join(map(_text, found)) if kind == "string" else found[0]

    return cell


def _text(value: Any) -> str:
    """A value in a text column: texts as they are, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def select(obj: Json, path: str) -> list[Any]:
    """What a JSONPath of the kind definitions use leads to: keys, indexes, `[*]`, `[?(@.type=="Ready")]`."""
    values: list[Any] = [obj]
    for step in _steps(path):
        values = [found for value in values for found in _follow(value, step)]
    return values


@cache
def _steps(path: str) -> tuple[re.Match[str], ...]:
    text = path.strip("{}").replace("\\.", ".")
    return tuple(_STEP.finditer(text if text.startswith((".", "[")) else f".{text}"))


def _follow(value: Any, step: re.Match[str]) -> list[Any]:
    key = step["key"] or step["quoted"]
    if key is not None:
        return [value[key]] if isinstance(value, dict) and key in value else []
    if step["index"] is not None:
        at = int(step["index"])
        return [value[at]] if isinstance(value, list) and -len(value) <= at < len(value) else []
    items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    if step["field"] is None:
        return items
    return [item for item in items if [str(one) for one in select(item, step["field"])] == [step["value"]]]
