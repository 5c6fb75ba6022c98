"""Field selectors: conditions on a few fields of an object, refused in the server's words."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.lab.objects.statuses import StatusError, bad_request


class SelectorError(StatusError):
    """A selector that cannot be parsed, or names a field that cannot be selected by: 400."""

    def __init__(self, message: str) -> None:
        super().__init__(bad_request(message))

    @classmethod
    def unreadable(cls, text: str, part: str) -> "SelectorError":
        """The refusal of a condition without an operator."""
        return cls(f"invalid selector: '{text}'; can't understand '{part}'")


@dataclass(frozen=True, slots=True)
class FieldCondition:
    """`path` equals (or differs from) a value; an absent field counts as the empty text."""

    path: str
    value: str
    negated: bool

    def holds(self, obj: Mapping[str, Any]) -> bool:
        """Whether the object satisfies it."""
        return (field_text(obj, self.path) == self.value) != self.negated


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """All of its conditions have to hold."""

    conditions: tuple[FieldCondition, ...] = ()

    def matches(self, obj: Mapping[str, Any]) -> bool:
        """Whether the object is selected."""
        return all(condition.holds(obj) for condition in self.conditions)

    def exact_name(self) -> str | None:
        """The value of `metadata.name=...`, if the selector has it: such a list needs no scan."""
        names = (c.value for c in self.conditions if c.path == "metadata.name" and not c.negated)
        return next(names, None)


_CONDITION = re.compile(r"(?P<path>[^=!]*)(?P<operator>!=|==|=)(?P<value>.*)", re.DOTALL)


def parse_field_selector(
    text: str | None, *, supported: Sequence[str] | None = None, known: str = ""
) -> FieldSelector:
    """Parse `status.phase=Running,metadata.name!=a`.

    Args:
        text: the query parameter; None or empty selects everything.
        supported: the paths that the resource can be selected by; None allows every path.
        known: when given, refusals list these paths (most built-in kinds do; pods and custom ones do not).

    Raises:
        SelectorError: malformed, or a path that is not supported.
    """
    conditions: list[FieldCondition] = []
    for part in _split(text or ""):
        found = _CONDITION.fullmatch(part)
        if not found:
            raise SelectorError.unreadable(str(text), part)
        path = found["path"]
        if supported is not None and path not in supported:
            raise SelectorError(
                f'"{path}" is not a known field selector: only {known}'
                if known
                else f"field label not supported: {path}"
            )
        value = re.sub(r"\\([\\,=])", r"\1", found["value"])
        conditions.append(FieldCondition(path, value, negated=found["operator"] == "!="))
    return FieldSelector(tuple(conditions))


def _split(text: str) -> list[str]:
    """The conditions of a field selector: separated by commas that no backslash precedes."""
    return [part for part in re.split(r"(?<!\\),", text) if part]


_DERIVED: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    # The API names these otherwise than the object does.
    "status.podIP": lambda obj: obj.get("status", {}).get("podIP"),
    "source": lambda obj: (obj.get("source") or {}).get("component") or obj.get("reportingComponent"),
    "reportingComponent": lambda obj: obj.get("reportingComponent"),
    "status.successful": lambda obj: (obj.get("status") or {}).get("succeeded", 0),
}


def field_text(obj: Mapping[str, Any], path: str) -> str:
    """A field as selectors compare it: numbers and booleans as text, absent as the empty text."""
    if path in _DERIVED:
        return _as_text(_DERIVED[path](obj))
    value: Any = obj
    for segment in path.split("."):
        value = value.get(segment) if isinstance(value, Mapping) else None
    if value is None and path in {"spec.unschedulable", "spec.hostNetwork"}:
        return "false"
    return _as_text(value)


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
