"""What a plain YAML scalar means: the core schema of YAML 1.2, and nothing else.

YAML 1.1, which PyYAML follows, reads `no` and `on` as booleans, 09:00 as the number 540 and 2026-12-24 as a
date. People who write experiments mean text, and editors (which follow 1.2) show text; so text it is.
"""

import re

Scalar = str | int | float | bool | None

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_LONGEST_NUMBER = 24  # characters: more digits than a 64-bit number has


def resolve(text: str) -> Scalar:
    """Return what the plain scalar *text* stands for.

    Raises:
        ValueError: it is NaN, infinite or a number too long to be meant.
    """
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if text[0] not in "-+.0123456789":
        return text
    return _number(text)


def _number(text: str) -> Scalar:
    if _NOT_FINITE.fullmatch(text):
        msg = f"{text} is not a finite number"
        raise ValueError(msg)
    base = 8 if _OCTAL.fullmatch(text) else 16 if _HEX.fullmatch(text) else 10 if _INT.fullmatch(text) else 0
    if not base and not _FLOAT.fullmatch(text):
        return text
    if len(text) > _LONGEST_NUMBER:
        msg = f"a number of {len(text)} characters is too long"
        raise ValueError(msg)
    if base:
        return int(text, 0 if base != 10 else 10)  # noqa: PLR2004 - 010 is ten in YAML 1.2
    value = float(text)
    if value in (float("inf"), float("-inf")):
        msg = f"{text} is not a finite number"
        raise ValueError(msg)
    return value
