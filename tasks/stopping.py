"""Why a run must stop: the first reason wins, and whoever waits wakes at once."""

import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stop:
    """One reason to stop; *by* is a word of guardrails.stop.Stop."""

    by: str
    message: str


class StopSignal:
    """A one-way switch shared by everything that watches a run."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self._lock = threading.Lock()
        self._stop: Stop | None = None

    def set(self, by: str, message: str) -> None:
        """Ask for a stop; later reasons are ignored."""
        with self._lock:
            if self._stop is None:
                self._stop = Stop(by=by, message=message)
        self.event.set()

    @property
    def stop(self) -> Stop | None:
        """The first reason, or None while nothing asked for a stop."""
        return self._stop
