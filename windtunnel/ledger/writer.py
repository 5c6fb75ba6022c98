"""Samples come fast: a thread writes them in batches, and never loses an error."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from windtunnel.model.errors import LedgerError

EVERY_S = 0.25  # the most a sample waits before it is on its way to the disk

Row = dict[str, Any]


class BatchWriter:
    """Collects rows and writes them at least every quarter of a second.

    An error of the database is kept and raised by every later call: a run whose record is torn must learn
    of it. Safe for use from many threads. Nothing is dropped: rows that could not be written stay waiting.
    """

    def __init__(self, write: Callable[[Sequence[Row]], None]) -> None:
        self._write = write
        self._waiting: list[Row] = []
        self._error: Exception | None = None
        self._lock = threading.Lock()  # guards _waiting and _error
        self._writing = threading.Lock()  # one batch at a time, so that batches keep their order
        self._wake = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None

    def add(self, rows: Sequence[Row]) -> None:
        """Take *rows* for the next batch.

        Raises:
            LedgerError: an earlier batch could not be written, or the ledger is closed.
        """
        with self._lock:
            self._raise_if_broken()
            if self._closed:
                msg = "The ledger is closed; nothing more can be recorded in it."
                raise LedgerError(msg)
            self._waiting.extend(rows)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="ledger-samples", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Return once every row taken so far is durable.

        Raises:
            LedgerError: they cannot be written.
        """
        self._drain()
        with self._lock:
            self._raise_if_broken()

    def close(self) -> None:
        """Flush and stop; calling it again does nothing.

        Raises:
            LedgerError: the last rows cannot be written.
        """
        with self._lock:
            self._closed = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def _run(self) -> None:
        while not self._wake.wait(EVERY_S):
            self._drain()

    def _drain(self) -> None:
        with self._writing:
            with self._lock:
                if self._error is not None:
                    return
                batch = tuple(self._waiting)
            if not batch:
                return
            try:
                self._write(batch)
            except Exception as error:  # noqa: BLE001 - kept and raised again: a thread that dies tells nobody
                with self._lock:
                    self._error = error
                return
            with self._lock:
                del self._waiting[: len(batch)]

    def _raise_if_broken(self) -> None:
        if self._error is not None:
            raise LedgerError(str(self._error)) from self._error
