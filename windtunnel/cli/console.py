"""Writing to the terminal: results to standard output, everything else to standard error."""

import shutil
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]

_GAP = "  "


def say(text: str) -> None:
    """Write a result to standard output."""
    typer.echo(text)


def note(text: str) -> None:
    """Write something by the way to standard error."""
    typer.echo(text, err=True)


def complain(text: str) -> None:
    """Write what went wrong to standard error."""
    label = typer.style("Error:", fg=typer.colors.RED, bold=True) if sys.stderr.isatty() else "Error:"
    typer.echo(f"{label} {text}", err=True)


def columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a table as text, each column as wide as its widest cell; the last one runs free.

    On a terminal every line is cut to its width, so that a table stays one.
    """
    table = [[cell.upper() for cell in head], *rows]
    widths = [max(len(row[place]) for row in table) for place in range(len(head) - 1)]
    lines = []
    for row in table:
        fixed = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append(_fitting(_GAP.join([*fixed, " ".join(row[-1].split())]).rstrip()))
    return "\n".join(lines)


def _fitting(line: str) -> str:
    if not sys.stdout.isatty():
        return line
    width = shutil.get_terminal_size().columns
    return line if len(line) <= width else line[: width - 1] + "…"
