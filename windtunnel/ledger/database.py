"""The database of a ledger, for one look or one change at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from windtunnel.ledger.sqlite import READ_ONLY, SameFile
from windtunnel.ledger.wording import clear_errors
from windtunnel.model.errors import LedgerError

_SNAPSHOT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


class Database:
    """Gives out connections. What goes wrong becomes a LedgerError. Safe for use from many threads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        self._looking = {READ_ONLY: True} if self.is_sqlite else _SNAPSHOT
        self._file = SameFile(Path(str(engine.url.database))) if self.is_sqlite else None

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()

    @contextmanager
    def change(self, run_id: str = "") -> Iterator[Connection]:
        """Yield a transaction; it is durable when the block has ended without an error."""
        with clear_errors(self.engine.url):
            self._check_file()
            try:
                with self.engine.begin() as connection:
                    yield connection
            except IntegrityError as error:
                msg = f"Nothing can be recorded of run {run_id}: it was never begun in this ledger."
                raise LedgerError(msg) from error
            self._check_file()

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """Yield a transaction that only reads, and sees the state of one moment."""
        with clear_errors(self.engine.url):
            self._check_file()
            with self.engine.connect().execution_options(**self._looking) as connection:
                yield connection

    def _check_file(self) -> None:
        if self._file is not None:
            self._file.check()
