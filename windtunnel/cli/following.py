"""Follow a run through the ledger, from a thread beside the one that runs it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from windtunnel.cli.displays import Display
from windtunnel.cli.run_view import Change, RunView
from windtunnel.clock import Clock, SystemClock
from windtunnel.ledger import Ledger, News
from windtunnel.model.record import Event

EVERY_S = 0.2


@contextmanager
def followed(
    ledger: Ledger,
    view: RunView,
    display: Display,
    *,
    warn: Callable[[str], None],
    clock: Clock | None = None,
) -> Iterator[None]:
    """Show the run of *view* on *display* while the block runs, and what is left at its end.

    A display that fails is given up with one warning; the run goes on.
    """
    follower = _Follower(ledger, view, display, warn=warn, clock=clock or SystemClock())
    thread = threading.Thread(target=follower.run, name="live-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        follower.stop.set()
        thread.join()


class _Follower:
    def __init__(
        self, ledger: Ledger, view: RunView, display: Display, *, warn: Callable[[str], None], clock: Clock
    ) -> None:
        self.stop = threading.Event()
        self._ledger = ledger
        self._view = view
        self._display = display
        self._warn = warn
        self._clock = clock
        self._news = News((), (), 0, 0)

    def run(self) -> None:
        """Show until told to stop, then once more."""
        try:
            with self._display:
                while not self._clock.wait(EVERY_S, self.stop):
                    self._look()
                self._look()
        except Exception as error:  # noqa: BLE001 - showing a run must never end it
            self._warn(f"The live view stopped ({type(error).__name__}: {error}); the run goes on.")

    def _look(self) -> None:
        news = self._ledger.follow(self._view.run_id, self._news.after_event, self._news.after_sample)
        self._news = news
        for event in news.events:
            self._view.take_event(event)
        things: list[Event | Change] = [*news.events, *self._view.take_samples(news.samples)]
        for thing in sorted(things, key=lambda each: each.at):
            if isinstance(thing, Change):
                self._display.change(thing)
            else:
                self._display.event(thing)
        self._display.refresh(self._clock.now())
