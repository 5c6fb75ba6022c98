"""The live part of a running experiment, as rich draws it: the phase with its bar, and one line per probe."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from windtunnel.cli.run_view import ProbeView, RunView

if TYPE_CHECKING:
    from rich.console import RenderableType

NAME_WIDTH = 28
WIDE = 72  # columns; a narrower terminal has no room for sparklines
BESIDE_PROBES = 8  # rows for the head, the phase and the last events
LEAST_PROBES = 3


def picture(view: RunView, now: datetime | None, *, width: int, height: int) -> "RenderableType":
    """Return the live part as rich draws it on a terminal of that size; *now* is None before the start."""
    from rich.console import Group
    from rich.text import Text

    target = ("  " + str(view.experiment.target), "dim")
    head = Text.assemble((view.experiment.name, "bold"), target, no_wrap=True, overflow="ellipsis")
    rows = max(LEAST_PROBES, height - BESIDE_PROBES)
    return Group("", head, _bar(view, now), *_probes(list(view.probes.values()), rows, width=width))


def _probes(views: list[ProbeView], rows: int, *, width: int) -> "list[RenderableType]":
    """Draw as many probes as there are rows for; those in trouble come before the others."""
    from rich.table import Table
    from rich.text import Text

    shown = views
    if len(views) > rows:
        worst = sorted(views, key=lambda view: -view.trouble)[: rows - 1]
        shown = [view for view in views if view in worst]
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(max_width=NAME_WIDTH, no_wrap=True, overflow="ellipsis")
    for justify in ("right", "left", "left", "left"):
        grid.add_column(justify=justify, no_wrap=True, overflow="ellipsis")
    for view in shown:
        grid.add_row(*_cells(view, trend=width >= WIDE))
    hidden = [view for view in views if view not in shown]
    if not hidden:
        return [grid]
    well = ", all well" if all(view.last and not view.trouble for view in hidden) else ""
    return [grid, Text(f"and {len(hidden)} more{well}", "dim")]


def _bar(view: RunView, now: datetime | None) -> "RenderableType":
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    elapsed = 0.0 if now is None else view.elapsed_s(now)
    row = Table.grid(padding=(0, 2, 0, 0))
    if view.phase_s is None:
        row.add_row(Text(view.phase, style="cyan"), Text(f"{elapsed:.0f} s" if elapsed else "", style="dim"))
        return row
    left = max(0.0, view.phase_s - elapsed)
    bar = ProgressBar(
        total=view.phase_s or 1.0, completed=min(elapsed, view.phase_s), width=30, complete_style="cyan"
    )
    words = f"{elapsed:.0f} of {view.phase_s:g} s, {left:.0f} s left"
    row.add_row(Text(view.phase, style="cyan"), bar, Text(words, style="dim"))
    return row


def _cells(view: ProbeView, *, trend: bool) -> list[Any]:
    from rich.text import Text

    ok = view.last.ok if view.last else True
    style = "red" if ok is False else "yellow" if ok is None else "green"
    counts = [f"{view.missed} missed"] if view.missed else []
    counts += [f"{view.unanswered} unanswered"] if view.unanswered else []
    return [
        Text(view.probe.name),
        Text(view.now, style=style),
        Text(view.expected, style="dim"),
        Text(view.line if trend else "", style=style),
        Text(", ".join(counts), style="red"),
    ]
