"""A column of a table, and ages as kubectl prints them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from infra.lab.objects.statuses import Json

NONE, UNKNOWN, UNSET = "<none>", "<unknown>", "<unset>"
_MINUTE_S, _HOUR_S, _DAY_S, _YEAR_S = 60, 3600, 86400, 365 * 86400


@dataclass(frozen=True, slots=True)
class Column:
    """A named cell. `priority` 0 is always shown, more only with `-o wide`."""

    name: str
    cell: Callable[[Json, datetime], Any]
    type: str = "string"
    format: str = ""
    priority: int = 0
    description: str = ""

    @property
    def definition(self) -> Json:
        """The column as `columnDefinitions` lists it."""
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": self.description,
            "priority": self.priority,
        }


def name_column() -> Column:
    """The first column of every table."""
    words = "Name must be unique within a namespace."
    return Column("Name", lambda obj, _: obj["metadata"]["name"], format="name", description=words)


def age_column() -> Column:
    """How long ago an object was created."""
    words = "CreationTimestamp is a timestamp representing the server time when this object was created."
    return Column(
        "Age", lambda obj, now: age(obj["metadata"].get("creationTimestamp"), now), description=words
    )


def text_column(
    name: str, text: Callable[[Json], Any], *, wide: bool = False, kind: str = "string"
) -> Column:
    """A column that does not depend on the time."""
    return Column(name, lambda obj, _: text(obj), type=kind, priority=int(wide))


def age(timestamp: str | None, now: datetime) -> str:
    """The time since a timestamp: two units while they matter, then one."""
    if not timestamp:
        return UNKNOWN
    return duration((now - datetime.fromisoformat(timestamp)).total_seconds())


def duration(seconds: float) -> str:
    """A span of time: `45s`, `3m20s`, `5h`, `2d3h`, `400d`."""
    whole = int(seconds)
    if whole < 0:
        return "<invalid>" if whole < -1 else "0s"
    if whole < 2 * _MINUTE_S:
        return f"{whole}s"
    if whole < 10 * _MINUTE_S:
        return _two(whole, _MINUTE_S, 1, "m", "s")
    if whole < 3 * _HOUR_S:
        return f"{whole // _MINUTE_S}m"
    if whole < 8 * _HOUR_S:
        return _two(whole, _HOUR_S, _MINUTE_S, "h", "m")
    if whole < 2 * _DAY_S:
        return f"{whole // _HOUR_S}h"
    if whole < 8 * _DAY_S:
        return _two(whole, _DAY_S, _HOUR_S, "d", "h")
    if whole < 2 * _YEAR_S:
        return f"{whole // _DAY_S}d"
    return _two(whole, _YEAR_S, _DAY_S, "y", "d") if whole < 8 * _YEAR_S else f"{whole // _YEAR_S}y"


def _two(whole: int, unit: int, part: int, name: str, part_name: str) -> str:
    rest = whole % unit // part
    return f"{whole // unit}{name}{rest}{part_name}" if rest else f"{whole // unit}{name}"


def joined(values: list[str]) -> str:
    """Texts with commas, or a sign for nothing."""
    return ",".join(values) or NONE


def selector_text(labels: Json | None) -> str:
    """Plain labels as a selector."""
    return joined([f"{key}={value}" for key, value in sorted((labels or {}).items())])
