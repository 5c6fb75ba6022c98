"""Writing to the terminal: results to standard output, everything else to standard error."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Annotated, TextIO

import typer

from windtunnel.redaction import redact

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]

_GAP = "  "
VERDICT_COLORS: Mapping[str, str] = {
    "passed": typer.colors.GREEN,
    "deviated": typer.colors.RED,
    "aborted": typer.colors.RED,
    "partial": typer.colors.RED,
    "failed": typer.colors.RED,
    "unknown": typer.colors.RED,
    "blocked": typer.colors.YELLOW,
    "inconclusive": typer.colors.YELLOW,
    "not tested": typer.colors.YELLOW,
}
_LEAST, _LEAST_LAST = 12, 24  # characters that a cut column keeps


def say(text: str) -> None:
    """Write a result to standard output.

    Where its reader has gone, as `head` does, the command goes on without a word to its own exit status.

    Raises:
        OSError: it cannot be written: the disk is full.
    """
    try:
        typer.echo(redact(text))
    except BrokenPipeError:
        let_go_of(sys.stdout)


def note(text: str) -> None:
    """Write something by the way to standard error; where that cannot be written, nobody reads it."""
    try:
        typer.echo(redact(text), err=True)
    except OSError:
        let_go_of(sys.stderr)


def let_go_of(stream: TextIO) -> None:
    """Let *stream* lead nowhere from now on: the interpreter, ending, tries once more, and exits with 120."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def complain(text: str) -> None:
    """Write what went wrong to standard error; where that cannot be written, the exit status alone tells."""
    colored = in_color(sys.stderr)
    label = typer.style("Error:", fg=typer.colors.RED, bold=True) if colored else "Error:"
    note(f"{label} {text}")


def in_color(stream: TextIO) -> bool:
    """Say whether *stream* is a terminal that wants colours, which the variable NO_COLOR denies."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def heading(text: str) -> str:
    """Return *text* as a heading: bold on a terminal."""
    return typer.style(text, bold=True) if in_color(sys.stdout) else text


@contextmanager
def patience(text: str, *, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """Show that something goes on where somebody looks, and yield what writes a note meanwhile."""
    if quiet or not sys.stderr.isatty():
        yield note
        return
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    with console.status(text):
        yield lambda told: console.print(redact(told), markup=False)


def columns(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    paint: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Lay out a table as text, each column as wide as its widest cell; the last one runs free.

    On a terminal a table stays within its width: the last column is cut, and before it vanishes, the widest
    of the others. There, cells named in *paint* have the colour that it gives them.
    """
    table = [[name.upper() for name in head], *([" ".join(cell.split()) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    if not sys.stdout.isatty():
        return "\n".join(_line(row, widths) for row in table)
    widths = fitting(widths, shutil.get_terminal_size().columns)
    colors = paint if in_color(sys.stdout) else {}
    return "\n".join(_line(row, widths, paint=colors) for row in table)


def fitting(widths: Sequence[int], room: int) -> list[int]:
    """Narrow columns so that they fit into *room* with the gaps between them."""
    room -= len(_GAP) * (len(widths) - 1)
    *fixed, last = widths
    while sum(fixed) + min(last, _LEAST_LAST) > room and max(fixed, default=0) > _LEAST:
        widest = fixed.index(max(fixed))
        fixed[widest] -= 1
    return [*fixed, max(1, min(last, room - sum(fixed)))]


def shorten(text: str, width: int) -> str:
    """Cut *text* to *width*, with an ellipsis for what is left out."""
    return text if len(text) <= width else text[: width - 1] + "…"


def shorten_to_terminal(line: str) -> str:
    """Cut *line* to the width of the terminal; elsewhere it stays whole."""
    return shorten(line, shutil.get_terminal_size().columns) if sys.stdout.isatty() else line


def _line(
    row: Sequence[str], widths: Sequence[int], *, paint: Mapping[str, str] = MappingProxyType({})
) -> str:
    cells = [shorten(cell, width).ljust(width) for cell, width in zip(row, widths, strict=True)]
    cells[-1] = cells[-1].rstrip()
    painted = [
        typer.style(cell, fg=paint[text]) if text in paint else cell
        for cell, text in zip(cells, row, strict=True)
    ]
    return _GAP.join(painted).rstrip()
