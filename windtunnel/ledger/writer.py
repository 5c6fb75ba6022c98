"""Samples come fast: a thread writes them in batches, and never loses an error."""

import threading
from collections.abc import Sequence
from typing import Any, Protocol

from windtunnel.model.errors import LedgerError

EVERY_S = 0.25  # the most a sample waits before it is on its way to the disk

Row = dict[str, Any]


class Write(Protocol):
    """Writes rows, all or none. *again*: they were given before; it failed, and they may be there or not."""

    def __call__(self, batch: Sequence[Row], *, again: bool) -> None:
        """Return once they are durable."""


class BatchWriter:
    """Collects rows and writes them at least every quarter of a second.

    An error of the database is raised by every later call until writing works again: a run that is not being
    recorded must learn of it. Nothing is dropped: rows that could not be written stay waiting, in their
    order, and are tried again. Safe for use from many threads.
    """

    def __init__(self, write: Write) -> None:
        self._write = write
        self._waiting: list[Row] = []
        self._in_doubt = 0  # so many of the first that wait were given to the database without success
        self._failures = 0
        self._error: Exception | None = None
        self._lock = threading.Lock()  # guards all of the above
        self._writing = threading.Lock()  # one batch at a time, so that batches keep their order
        self._wake = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None

    def add(self, rows: Sequence[Row]) -> None:
        """Take *rows* for the next batch.

        Raises:
            LedgerError: an earlier batch could not be written yet (*rows* wait behind it), or the ledger is
                closed (they are not taken).
        """
        with self._lock:
            if self._closed:
                msg = "The ledger is closed; nothing more can be recorded in it."
                raise LedgerError(msg)
            self._waiting.extend(rows)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="ledger-samples", daemon=True)
                self._thread.start()
            self._raise_if_broken()

    def flush(self) -> None:
        """Return once every row taken so far is durable.

        Raises:
            LedgerError: they cannot be written.
        """
        failures = self._failures
        with self._writing:
            if (
                self._failures == failures
            ):  # else it has failed in this moment, and may take long to fail again
                self._write_all()
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
            with self._writing:
                self._write_all()

    def _write_all(self) -> None:
        if self._in_doubt:
            self._write_some(self._in_doubt)
        if not self._in_doubt:
            self._write_some(len(self._waiting))

    def _write_some(self, count: int) -> None:
        with self._lock:
            batch, again = self._waiting[:count], bool(self._in_doubt)
        if not batch:
            return
        try:
            self._write(batch, again=again)
        except Exception as error:  # noqa: BLE001 - kept and raised again: a thread that dies tells nobody
            with self._lock:
                self._error, self._in_doubt = error, count
                self._failures += 1
            return
        with self._lock:
            del self._waiting[:count]
            self._error, self._in_doubt = None, 0

    def _raise_if_broken(self) -> None:
        if self._error is not None:
            raise LedgerError(str(self._error)) from self._error
