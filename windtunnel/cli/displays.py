"""Ways to show a running experiment: lines for logs and pipes, a live view for a terminal."""

from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from windtunnel.cli.live_picture import picture
from windtunnel.cli.run_view import Change, RunView
from windtunnel.model.record import Event, EventKind
from windtunnel.report.run_words import allowed_words, is_allowed, sentence

if TYPE_CHECKING:
    from rich.console import Console

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
        self._line(event.at, str(event.kind), sentence(event.message))

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
        self._allowed: list[Event] = []  # guardrails that do not object, told together

    def __enter__(self) -> Self:
        self._live.start()
        self._draw(None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tell_allowed()
        self._live.stop()

    def event(self, event: Event) -> None:
        """Print an event above the live part; the last one is left to the verdict below the view."""
        if is_allowed(event):
            self._allowed.append(event)
            return
        self._tell_allowed()
        if event.kind is not EventKind.FINISHED:
            self._print(event.at, sentence(event.message), _event_style(event.kind))

    def change(self, change: Change) -> None:
        """Print a change of a probe above the live part."""
        self._tell_allowed()
        self._print(change.at, change.sentence, "green" if change.good else "yellow")

    def refresh(self, now: datetime) -> None:
        """Draw the live part again."""
        self._draw(now)

    def _draw(self, now: datetime | None) -> None:
        size = self._console.size
        self._live.update(picture(self._view, now, width=size.width, height=size.height), refresh=True)

    def _tell_allowed(self) -> None:
        if self._allowed:
            self._print(self._allowed[-1].at, allowed_words(self._allowed), "")
            self._allowed = []

    def _print(self, at: datetime, message: str, style: str) -> None:
        from rich.table import Table
        from rich.text import Text

        line = Table.grid(padding=(0, 2, 0, 0))  # a second column, so that a long message stays in it
        line.add_column(no_wrap=True)
        line.add_column(overflow="fold")
        line.add_row(Text(f"{at:%H:%M:%S} {self._view.offset(at):>9}", "dim"), Text(message, style))
        self._console.print(line)


def _event_style(kind: EventKind) -> str:
    if kind in _RED:
        return "bold red"
    if kind in _AMBER:
        return "yellow"
    return "bold" if kind in _BOLD else ""
