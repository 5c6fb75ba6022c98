"""Comparisons as people write them: ">= 0.99", "== 1", "between 1 and 5"."""

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?%?"
_SIMPLE = re.compile(rf"\s*(>=|<=|==|!=|>|<)\s*({_NUMBER})\s*")
_BETWEEN = re.compile(rf"\s*between\s+({_NUMBER})\s+and\s+({_NUMBER})\s*", re.IGNORECASE)
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}
ALLOWED = '">= 0.99", "< 5%", "== 1", "!= 0" or "between 1 and 5"'


@dataclass(frozen=True, slots=True)
class Comparison:
    """One condition on a number. `upper` is used by `between` alone, which includes both ends."""

    operator: str
    value: float
    upper: float = math.inf

    def holds(self, observed: float) -> bool:
        """Say whether *observed* satisfies the condition; NaN satisfies nothing, not even `!=`."""
        if math.isnan(observed):
            return False
        if self.operator == "between":
            return self.value <= observed <= self.upper
        return _OPERATORS[self.operator](observed, self.value)

    def __str__(self) -> str:
        if self.operator == "between":
            return f"between {self.value:g} and {self.upper:g}"
        return f"{self.operator} {self.value:g}"


def parse_comparison(text: str) -> Comparison:
    """Read a comparison; a trailing % divides by one hundred.

    Raises:
        ValueError: *text* is not a comparison; the message says which forms are allowed.
    """
    if match := _SIMPLE.fullmatch(text):
        return Comparison(operator=match[1], value=_number(match[2]))
    if match := _BETWEEN.fullmatch(text):
        low, high = _number(match[1]), _number(match[2])
        if low > high:
            msg = f"{text!r}: the lower bound {low:g} is above the upper bound {high:g}"
            raise ValueError(msg)
        return Comparison(operator="between", value=low, upper=high)
    msg = f"{text!r} is not a comparison; write {ALLOWED}"
    raise ValueError(msg)


def _number(text: str) -> float:
    return float(text[:-1]) / 100 if text.endswith("%") else float(text)
