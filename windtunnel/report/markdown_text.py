"""Markdown by hand: tables, lists, and text that stays text."""

import re
from collections.abc import Iterable, Sequence
from textwrap import wrap

from windtunnel.redaction import redact

_SPECIAL = re.compile(r"[\\`*<\[\]|]|(?<!\w)_|_(?!\w)|&(?=#?\w+;)|~(?=~)")
_LEADING = re.compile(r"^(\d*)([#>+=.)-])")  # what would begin a list, a heading or a quotation
_BAR = re.compile(r"(?<!\\)\|")  # an escaped one is text
_CELL_LIMIT = 300


def escape(text: str) -> str:
    """Return *text* so that it is shown as it is, on one line, also at the beginning of a paragraph."""
    return _LEADING.sub(r"\1\\\2", cell(text))


def cell(text: str) -> str:
    """Return *text* so that it is shown as it is within a line or a table, but for the secrets in it."""
    return _SPECIAL.sub(r"\\\g<0>", " ".join(redact(text).split()))


def code(text: str) -> str:
    """Return *text* as inline code, whatever backticks it holds."""
    line = " ".join(redact(text).split())
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


def folded_tables(text: str, *, width: int) -> str:
    """Return Markdown *text* with a line break at least every *width* characters in the cells of its tables.

    For pages that never break a line within a table, and cut off what does not fit.
    """
    return "\n".join(_folded(line, width) if line.startswith("| ") else line for line in text.split("\n"))


def _folded(line: str, width: int) -> str:
    def broken(cell: str) -> str:  # between words alone: a name stays one piece, an escape whole
        return "<br>".join(wrap(cell.strip(), width, break_long_words=False, break_on_hyphens=False))

    return "|".join(f" {broken(cell)} " if cell.strip() else cell for cell in _BAR.split(line))


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cut(text: str) -> str:
    told = redact(text)  # before it is cut, and before signs in it are escaped
    return told if len(told) <= _CELL_LIMIT else told[: _CELL_LIMIT - 1] + "…"
