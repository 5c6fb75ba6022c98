"""Resource quantities: "100m", "1.5Gi", "1e3", their value and their canonical form."""

import re
from decimal import Decimal
from functools import lru_cache

_FORM = re.compile(r"([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}  # powers of 1024
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BY_EXPONENT = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
MALFORMED = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_SUFFIX = "unable to parse quantity's suffix"
_SMALLEST = Decimal("1e-9")


class QuantityError(ValueError):
    """A text that is no quantity; the message is the server's."""

    def __init__(self, message: str = MALFORMED) -> None:
        super().__init__(message)


def parse_quantity(text: str | float) -> Decimal:
    """The value of a quantity; plain JSON numbers are quantities too.

    Raises:
        QuantityError: it is not a quantity.
    """
    number, suffix = _split(str(text))
    if suffix in _BINARY:
        return number * Decimal(1024 ** _BINARY[suffix])
    return number.scaleb(_exponent(suffix))


def _split(text: str) -> tuple[Decimal, str]:
    found = _FORM.fullmatch(text)
    if not found or not _NUMBER.fullmatch(found[1]):
        raise QuantityError
    return Decimal(found[1]), found[2]


def _exponent(suffix: str) -> int:
    if suffix in _DECIMAL:
        return _DECIMAL[suffix]
    if re.fullmatch(r"[eE][-+]?\d+", suffix):
        return int(suffix[1:])
    raise QuantityError(_SUFFIX)


@lru_cache(maxsize=4096)
def canonical(text: str | float) -> str:
    """The form in which the server writes a quantity back: "0.1" as "100m", "1024Ki" as "1Mi".

    The suffix stays of its family (binary, decimal or exponent); the number becomes whole, with the largest
    suffix that allows it. Anything finer than a billionth is rounded up.
    """
    _, suffix = _split(str(text))
    value = parse_quantity(text)
    if suffix in _BINARY:
        return _binary(value)
    if value and abs(value) < _SMALLEST:
        value = _SMALLEST.copy_sign(value)
    mantissa, exponent = _whole(value)
    if suffix[:1] in {"e", "E"} and suffix not in _DECIMAL:
        return f"{mantissa}e{exponent}" if exponent else str(mantissa)
    return f"{mantissa}{_BY_EXPONENT[exponent]}"


def _binary(value: Decimal) -> str:
    if value != value.to_integral_value() or abs(value) < 1024:
        mantissa, exponent = _whole(value)
        return f"{mantissa}{_BY_EXPONENT[exponent]}"
    whole, suffix = int(value), ""
    for name in _BINARY:
        if whole % 1024:
            break
        whole, suffix = whole // 1024, name
    return f"{whole}{suffix}"


def _whole(value: Decimal) -> tuple[int, int]:
    """A value as whole mantissa and an exponent that is a multiple of three, as large as possible."""
    if not value:
        return 0, 0
    for exponent in range(18, -10, -3):
        mantissa = value.scaleb(-exponent)
        if mantissa == mantissa.to_integral_value():
            return int(mantissa), exponent
    return int(value.scaleb(9).to_integral_value(rounding="ROUND_UP")), -9
