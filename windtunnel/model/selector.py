"""Kubernetes label selectors: parsed once, matched purely."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_DOMAIN = r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?"
_KEY = rf"(?:{_DOMAIN}/)?{_NAME}"
_VALUE = rf"(?:{_NAME})?"
_EQUALITY = re.compile(rf"({_KEY})\s*(==|=|!=)\s*({_VALUE})")
_SET = re.compile(rf"({_KEY})\s+(in|notin)\s*\(([^()]*)\)")
_EXISTS = re.compile(rf"(!?)\s*({_KEY})")
_VALUE_ONLY = re.compile(_VALUE)
ALLOWED = '"app=checkout", "tier!=db", "env in (dev, test)", "canary" or "!canary", joined by commas'


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label: *operator* is in, notin, exists or absent."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether *labels* satisfy it; as in Kubernetes, notin holds where the label is missing."""
        match self.operator:
            case "in":
                return self.key in labels and labels[self.key] in self.values
            case "notin":
                return self.key not in labels or labels[self.key] not in self.values
            case "exists":
                return self.key in labels
            case _:
                return self.key not in labels


@dataclass(frozen=True, slots=True)
class Selector:
    """All requirements must hold. A selector without any matches everything."""

    requirements: tuple[Requirement, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether *labels* satisfy every requirement."""
        return all(requirement.matches(labels) for requirement in self.requirements)

    @property
    def keys(self) -> frozenset[str]:
        """The labels it asks about."""
        return frozenset(requirement.key for requirement in self.requirements)

    @property
    def asks_for_a_label(self) -> bool:
        """Say whether something without labels is refused: at least one label must be there."""
        return not self.matches({})


def parse_selector(text: str) -> Selector:
    """Read a label selector as kubectl takes it.

    Raises:
        ValueError: *text* is no label selector; the message names the part that is wrong.
    """
    if not text.strip():
        return Selector(())
    return Selector(tuple(_requirement(part.strip(), text) for part in _split(text)))


def _split(text: str) -> list[str]:
    """Split at the commas outside parentheses."""
    parts, depth, current = [], 0, ""
    for character in text:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += character
    return [*parts, current]


def _requirement(part: str, text: str) -> Requirement:
    if match := _EQUALITY.fullmatch(part):
        operator = "notin" if match[2] == "!=" else "in"
        return Requirement(match[1], operator, frozenset({match[3]}))
    if match := _SET.fullmatch(part):
        values = [value.strip() for value in match[3].split(",")]
        if all(_VALUE_ONLY.fullmatch(value) for value in values):
            return Requirement(match[1], match[2], frozenset(values))
    if match := _EXISTS.fullmatch(part):
        return Requirement(match[2], "absent" if match[1] else "exists")
    where = f' ("{part}" is wrong)' if part != text.strip() else ""
    msg = f'"{text}" is not a label selector{where}; write {ALLOWED}'
    raise ValueError(msg)
