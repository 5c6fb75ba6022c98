"""Ways to show a running experiment: lines for logs and pipes, a live view for a terminal."""

from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from windtunnel.cli.run_view import Change, ProbeView, RunView
from windtunnel.model.record import Event, EventKind

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

NAME_WIDTH = 28
_RED = frozenset({EventKind.ABORT, EventKind.BLOCKED, EventKind.ERROR, EventKind.INJECT_FAILED})
_AMBER = frozenset({EventKind.BASELINE_MISSED, EventKind.NOT_RECOVERED, EventKind.NOTIFY_FAILED})
_BOLD = frozenset({EventKind.INJECTED, EventKind.UNDO_FINISHED, EventKind.RECOVERED})


class Display(Protocol):
    """Shows what happens; entered and left in the thread that calls it."""

    def __enter__(self) -> Self:
        """Begin to show."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop showing, and leave the screen in order."""

    def event(self, event: Event) -> None:
        """Show an event."""

    def change(self, change: Change) -> None:
        """Show that a probe's answer changed."""

    def refresh(self, now: datetime) -> None:
        """Show the state of the run at *now*."""


class PlainDisplay:
    """One line per event and per change, with its time; for logs, pipes and files."""

    def __init__(self, view: RunView, *, write: Callable[[str], None]) -> None:
        self._view = view
        self._write = write

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave; there is nothing to put in order."""

    def event(self, event: Event) -> None:
        """Write an event."""
        self._line(event.at, str(event.kind), event.message)

    def change(self, change: Change) -> None:
        """Write a change of a probe."""
        self._line(change.at, "probe", change.sentence)

    def refresh(self, now: datetime) -> None:
        """Write nothing: a log holds what happened, not how time passes."""

    def _line(self, at: datetime, kind: str, message: str) -> None:
        since = self._view.offset(at)
        self._write(f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}Z {since:>10}  {kind:<18} {message}".rstrip())


class LiveDisplay:
    """Events scroll by; below them the phase with its bar, and one line per probe."""

    def __init__(self, view: RunView, *, console: "Console") -> None:
        from rich.live import Live

        self._view = view
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def event(self, event: Event) -> None:
        """Print an event above the live part."""
        self._print(event.at, event.message, _event_style(event.kind))

    def change(self, change: Change) -> None:
        """Print a change of a probe above the live part."""
        self._print(change.at, change.sentence, "green" if change.good else "yellow")

    def refresh(self, now: datetime) -> None:
        """Draw the live part again."""
        self._live.update(picture(self._view, now), refresh=True)

    def _print(self, at: datetime, message: str, style: str) -> None:
        from rich.text import Text

        self._console.print(
            Text.assemble((f"{at:%H:%M:%S} {self._view.offset(at):>9}  ", "dim"), (message, style))
        )


def picture(view: RunView, now: datetime) -> "RenderableType":
    """Return the live part as rich draws it."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    head = Text.assemble("\n", (view.experiment.name, "bold"), ("  " + str(view.experiment.target), "dim"))
    grid = Table.grid(padding=(0, 2))
    grid.add_column(max_width=NAME_WIDTH, no_wrap=True)
    for justify in ("right", "left", "left", "left"):
        grid.add_column(justify=justify, no_wrap=True)
    for probe in view.probes.values():
        grid.add_row(*_cells(probe))
    return Group(head, _bar(view, now), grid)


def _bar(view: RunView, now: datetime) -> "RenderableType":
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    elapsed = view.elapsed_s(now)
    row = Table.grid(padding=(0, 2))
    if view.phase_s is None:
        row.add_row(Text(view.phase, style="cyan"), Text(f"{elapsed:.0f} s", style="dim"))
        return row
    left = max(0.0, view.phase_s - elapsed)
    bar = ProgressBar(
        total=view.phase_s or 1.0, completed=min(elapsed, view.phase_s), width=30, complete_style="cyan"
    )
    words = f"{elapsed:.0f} of {view.phase_s:g} s, {left:.0f} s left"
    row.add_row(Text(view.phase, style="cyan"), bar, Text(words, style="dim"))
    return row


def _cells(view: ProbeView) -> list[Any]:
    from rich.text import Text

    ok = view.last.ok if view.last else True
    style = "red" if ok is False else "yellow" if ok is None else "green"
    counts = [f"{view.missed} missed"] if view.missed else []
    counts += [f"{view.unanswered} unanswered"] if view.unanswered else []
    return [
        Text(view.probe.name),
        Text(view.now, style=style),
        Text(view.expected, style="dim"),
        Text(view.line, style=style),
        Text(", ".join(counts), style="red"),
    ]


def _event_style(kind: EventKind) -> str:
    if kind in _RED:
        return "bold red"
    if kind in _AMBER:
        return "yellow"
    return "bold" if kind in _BOLD else ""
