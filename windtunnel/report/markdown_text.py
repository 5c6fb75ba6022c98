"""Markdown by hand: tables, lists, and text that stays text."""

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"[\\`*<\[\]|]|(?<!\w)_|_(?!\w)|&(?=#?\w+;)|~(?=~)")
_LEADING = re.compile(r"^(\d*)([#>+=.)-])")  # what would begin a list, a heading or a quotation
_CELL_LIMIT = 300


def escape(text: str) -> str:
    """Return *text* so that it is shown as it is, on one line, also at the beginning of a paragraph."""
    return _LEADING.sub(r"\1\\\2", cell(text))


def cell(text: str) -> str:
    """Return *text* so that it is shown as it is within a line or a table."""
    return _SPECIAL.sub(r"\\\g<0>", " ".join(text.split()))


def code(text: str) -> str:
    """Return *text* as inline code, whatever backticks it holds."""
    line = " ".join(text.split())
    fence = "`" * (max(map(len, re.findall(r"`+", line)), default=0) + 1)
    pad = " " if "`" in line else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def code_block(text: str, language: str = "") -> str:
    """Return *text* as a fenced block."""
    fence = "`" * max(3, max(map(len, re.findall(r"`+", text)), default=0) + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def bullets(lines: Iterable[str]) -> str:
    """Return a list of *lines*, which are Markdown already."""
    return "\n".join(f"- {line}" for line in lines)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, right: frozenset[int] = frozenset()) -> str:
    """Return a table of plain text; the columns numbered in *right* are set flush right."""
    rule = ["---:" if place in right else "---" for place in range(len(head))]
    lines = [_line([cell(name) for name in head]), _line(rule)]
    lines += [_line([cell(_cut(text)) for text in row]) for row in rows]
    return "\n".join(lines)


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cut(text: str) -> str:
    return text if len(text) <= _CELL_LIMIT else text[: _CELL_LIMIT - 1] + "…"
