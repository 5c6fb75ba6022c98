"""Reading a fault's parameters: numbers and durations, each with a sentence when it is wrong. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from windtunnel.model.errors import FaultError

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

DURATION_SCHEMA: Mapping[str, Any] = {
    "description": "Seconds as a number, or text with a unit: 500ms, 10s, 2m.",
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": r"^\d+(\.\d+)?(ms|s|m|h)$"},
    ],
}


def seconds(parameters: Mapping[str, Any], name: str, default: float) -> float:
    """Return a duration in seconds.

    Raises:
        FaultError: the value is no duration.
    """
    value = parameters.get(name, default)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf"):
        return float(value)
    if isinstance(value, str) and (match := _DURATION.fullmatch(value.strip())):
        return float(match[1]) * _SECONDS[match[2]]
    msg = f"{name}: {value!r} is no duration; write 10s, 500ms, 2m or a number of seconds"
    raise FaultError(msg)


def whole(parameters: Mapping[str, Any], name: str, *, at_least: int) -> int | None:
    """Return a whole number, or None where it is not given.

    Raises:
        FaultError: the value is no whole number, or too small.
    """
    value = parameters.get(name)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value >= at_least:
        return value
    msg = f"{name}: {value!r} is not a whole number of at least {at_least}"
    raise FaultError(msg)


def share(parameters: Mapping[str, Any], name: str) -> float | None:
    """Return a percentage in (0, 100], or None where it is not given.

    Raises:
        FaultError: the value is no such number.
    """
    value = parameters.get(name)
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 100:  # noqa: PLR2004
        return float(value)
    msg = f"{name}: {value!r} is not a percentage above 0 and up to 100"
    raise FaultError(msg)
