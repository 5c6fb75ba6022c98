"""Label selectors (and, by name, field selectors), refused in the server's words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.lab.objects.field_selectors import FieldSelector, SelectorError, field_text, parse_field_selector

__all__ = [
    "FieldSelector",
    "LabelSelector",
    "Requirement",
    "SelectorError",
    "as_label_text",
    "field_text",
    "match_label_selector",
    "parse_field_selector",
    "parse_label_selector",
]

Labels = Mapping[str, str]
_TOKEN = re.compile(r"\s*(==|!=|=|!|\(|\)|,|<|>|[^\s=!(),<>]+)")
_SYMBOLS = frozenset({"==", "!=", "=", "!", "(", ")", ",", "<", ">"})


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on a label or field."""

    key: str
    operator: str  # in, notin, exists, !, gt, lt
    values: frozenset[str] = frozenset()

    def holds(self, labels: Labels) -> bool:
        """Whether the labels satisfy it; an absent label satisfies the negative operators."""
        value = labels.get(self.key)
        match self.operator:
            case "exists":
                return value is not None
            case "!":
                return value is None
            case "in":
                return value in self.values
            case "notin":
                return value not in self.values
            case _:
                return self._compares(value)

    def _compares(self, value: str | None) -> bool:
        """`gt` and `lt` compare whole numbers; anything else never matches."""
        try:
            number, bound = int(value or ""), int(next(iter(self.values)))
        except ValueError:
            return False
        return number > bound if self.operator == "gt" else number < bound


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """All of its requirements have to hold; none at all matches everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Labels | None) -> bool:
        """Whether an object with these labels (None: without labels) is selected."""
        return all(requirement.holds(labels or {}) for requirement in self.requirements)


class _Tokens:
    """The tokens of a selector text, with one to look ahead; "" is the end."""

    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        self._at = 0

    def peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self._at += 1
        return token


def parse_label_selector(text: str | None) -> LabelSelector:
    """Parse `app=web,tier in (a,b),!canary`.

    Raises:
        SelectorError: the text is not a selector; the message is the server's.
    """
    tokens = _Tokens(text or "")
    found: list[Requirement] = []
    while tokens.peek():
        found.append(_requirement(tokens))
        if tokens.peek() == ",":
            tokens.take()
            if not tokens.peek():
                raise _unexpected(tokens.peek(), "identifier after ','", prefix="")
        elif tokens.peek():
            raise _unexpected(tokens.peek(), "',' or 'end of string'", prefix="")
    return LabelSelector(tuple(found))


def _requirement(tokens: _Tokens) -> Requirement:
    if tokens.peek() == "!":
        tokens.take()
        return Requirement(_identifier(tokens), "!")
    key = _identifier(tokens)
    operator = tokens.peek()
    if operator in {"", ","}:
        return Requirement(key, "exists")
    tokens.take()
    if operator in {"in", "notin"}:
        return Requirement(key, operator, _value_set(tokens))
    names = {"=": "in", "==": "in", "!=": "notin", ">": "gt", "<": "lt"}
    if operator not in names:
        raise _unexpected(operator, "in, notin, =, ==, !=, gt, lt")
    value = "" if tokens.peek() in {"", ","} else _identifier(tokens)
    return Requirement(key, names[operator], frozenset({value}))


def _identifier(tokens: _Tokens) -> str:
    token = tokens.take()
    if not token or token in _SYMBOLS:
        raise _unexpected(token, "identifier")
    return token


def _value_set(tokens: _Tokens) -> frozenset[str]:
    """The parenthesised values of `in` and `notin`."""
    if (token := tokens.take()) != "(":
        raise _unexpected(token, "'('")
    values: set[str] = set()
    while tokens.peek() != ")":
        word = tokens.take()
        if not word:
            raise _unexpected(word, "',' or ')'")
        if word != ",":
            values.add(word)
    tokens.take()
    return frozenset(values)


def _unexpected(token: str, wanted: str, *, prefix: str = "unable to parse requirement: ") -> SelectorError:
    comma = "" if wanted == "'('" else ","  # the server's own spelling of this one message
    return SelectorError(f"{prefix}found '{token}'{comma} expected: {wanted}")


def match_label_selector(spec_selector: Mapping[str, Any] | None, labels: Labels | None) -> bool:
    """Whether a LabelSelector object (`matchLabels`, `matchExpressions`) selects the labels.

    None selects nothing; an empty selector selects everything, as in the API.
    """
    if spec_selector is None:
        return False
    have = labels or {}
    if any(have.get(key) != value for key, value in (spec_selector.get("matchLabels") or {}).items()):
        return False
    operators = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
    return all(
        Requirement(one["key"], operators[one["operator"]], frozenset(one.get("values") or ())).holds(have)
        for one in spec_selector.get("matchExpressions") or ()
    )


def as_label_text(spec_selector: Mapping[str, Any] | None) -> str:
    """A LabelSelector object as query text, as `status.selector` of a Scale shows it."""
    if spec_selector is None:
        return ""
    parts = [f"{key}={value}" for key, value in sorted((spec_selector.get("matchLabels") or {}).items())]
    for one in spec_selector.get("matchExpressions") or ():
        values = ",".join(sorted(one.get("values") or ()))
        match one["operator"]:
            case "In" | "NotIn":
                parts.append(f"{one['key']} {one['operator'].lower()} ({values})")
            case "Exists":
                parts.append(one["key"])
            case _:
                parts.append(f"!{one['key']}")
    return ",".join(parts)
