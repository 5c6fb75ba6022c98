"""SQLite: durable, patient, explicit about its transactions, and never writing to a file that is gone."""

import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event

from windtunnel.model.errors import LedgerError

READ_ONLY = "windtunnel_read_only"  # execution option: begin without taking the write lock
BUSY_S = 5.0  # how long to wait for another process's write
_PAGES_AT_ONCE = 1000
_FIRST_ATTEMPTS = 20  # two processes that switch a new file to WAL at once get "locked" without any waiting


def tame(engine: Engine) -> None:
    """Set up every connection of *engine*."""

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself; see _begin
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={int(BUSY_S * 1000)}")
        cursor.execute("PRAGMA auto_vacuum=INCREMENTAL")  # counts in a new file alone; see pruning.py
        _switch_to_wal(cursor)
        cursor.execute("PRAGMA synchronous=FULL")  # a ticket is on the disk before the fault is injected
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that reads first and writes later would be refused when another wrote in between.
        reads = connection.get_execution_options().get(READ_ONLY, False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


class SameFile:
    """The file as it was opened. SQLite goes on writing to a deleted file, and what it writes is lost."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened = self._identity()

    def check(self) -> None:
        """Return if the file is still the one that was opened.

        Raises:
            LedgerError: it was deleted or replaced.
        """
        if self._identity() != self._opened:
            msg = (
                f"The ledger {self._path} was deleted or replaced while it was in use; "
                "what was recorded last may be lost."
            )
            raise LedgerError(msg)

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino


def give_back(engine: Engine) -> int:
    """Cut free pages off the file, some at a time so that no writer waits long; return the bytes.

    A file that was made before auto_vacuum was switched on keeps its free pages, for what comes next.
    """
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()

        def pages(what: str) -> int:
            return int(cursor.execute(f"PRAGMA {what}").fetchone()[0])

        before, left = pages("page_count"), pages("freelist_count")
        while left:
            # as a script: the driver would run this pragma for its first page only
            cursor.executescript(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})")
            if pages("freelist_count") == left:
                break
            left = pages("freelist_count")
        return (before - pages("page_count")) * pages("page_size")
    finally:
        raw.close()


def _switch_to_wal(cursor: sqlite3.Cursor) -> None:
    for attempt in range(_FIRST_ATTEMPTS):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or attempt == _FIRST_ATTEMPTS - 1:
                raise
            time.sleep(0.05)
        else:
            return
