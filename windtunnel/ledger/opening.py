"""Open the database: address, pragmas, schema. Opening twice at once, from two processes, is safe."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError

from windtunnel.clients.home import state_folder
from windtunnel.model.errors import LedgerError

HEAD = "0001"  # the revision that tables.py describes; a test holds it equal to alembic's head
KNOWN = frozenset({"0001"})
READ_ONLY = "windtunnel_read_only"  # execution option: begin without taking SQLite's write lock
BUSY_S = 10.0  # how long to wait for another process's write
_MIGRATION_LOCK = 0x77696E64  # an arbitrary number that only windtunnel's migrations use in PostgreSQL
_FIRST_ATTEMPTS = 20  # two processes that switch a new file to WAL at once get "locked" without any waiting


def open_engine(url: str | None) -> Engine:
    """Return an engine on an up-to-date schema.

    Raises:
        LedgerError: the address is unusable, or the database cannot be opened, written or understood.
    """
    address = _address(url)
    with clear_errors(address):
        engine = create_engine(address, pool_pre_ping=address.get_backend_name() != "sqlite")
    if engine.dialect.name == "sqlite":
        _tame_sqlite(engine)
    try:
        with clear_errors(address):
            _bring_up_to_date(engine)
    except LedgerError:
        engine.dispose()
        raise
    return engine


@contextmanager
def clear_errors(address: URL) -> Iterator[None]:
    """Turn the database's errors into a sentence that names the ledger and what to do."""
    try:
        yield
    except (SQLAlchemyError, ImportError) as error:
        raise LedgerError(_sentence(address, error)) from error


def _address(url: str | None) -> URL:
    if url is None:
        return URL.create("sqlite", database=str(state_folder() / "ledger.db"))
    try:
        address = make_url(url)
    except ArgumentError as error:
        msg = f"{url!r} is not the address of a ledger; write sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME."
        raise LedgerError(msg) from error
    if address.get_backend_name() == "sqlite" and address.database in {None, "", ":memory:"}:
        msg = "A ledger in memory would be lost with the process that must undo; write sqlite:///FILE."
        raise LedgerError(msg)
    return address


def _tame_sqlite(engine: Engine) -> None:
    """Make SQLite durable, patient and explicit about its transactions."""

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself; see _begin
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={int(BUSY_S * 1000)}")
        _switch_to_wal(cursor)
        cursor.execute("PRAGMA synchronous=FULL")  # a ticket is on the disk before the fault is injected
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that reads first and writes later would be refused when another wrote in between.
        reads = connection.get_execution_options().get(READ_ONLY, False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _switch_to_wal(cursor: Any) -> None:
    import sqlite3

    for attempt in range(_FIRST_ATTEMPTS):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or attempt == _FIRST_ATTEMPTS - 1:
                raise
            time.sleep(0.05)
        else:
            return


def _bring_up_to_date(engine: Engine) -> None:
    with engine.connect().execution_options(**{READ_ONLY: True}) as connection:
        if _revision(connection) == HEAD:
            return
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        if _revision(connection) != HEAD:  # asked again under the lock: another process may have been faster
            _migrate(connection)


def _revision(connection: Connection) -> str:
    """Return the schema's revision, or "" in an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none() or ""
    if found and found not in KNOWN:
        msg = (
            f"The ledger {_name(connection.engine.url)} was written by a newer windtunnel (schema {found}, "
            f"this version knows up to {HEAD}); use that version, or another WINDTUNNEL_HOME."
        )
        raise LedgerError(msg)
    return str(found)


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    command.upgrade(config, "head")


def _name(address: URL) -> str:
    return str(address.database) if address.get_backend_name() == "sqlite" else address.render_as_string()


def _sentence(address: URL, error: Exception) -> str:
    cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0].rstrip(".")
    name = _name(address)
    if isinstance(error, ImportError):
        return f"The ledger {name} needs a database driver that is not installed: {cause}."
    if "locked" in cause:
        return (
            f"The ledger {name} is locked: another process kept writing to it for {BUSY_S:g} s. "
            f"Try again, or look for a program that holds the file open."
        )
    if "readonly" in cause or "unable to open" in cause or "permission" in cause.lower():
        return (
            f"The ledger {name} cannot be written: {cause}. Set WINDTUNNEL_HOME to a folder you may write to."
        )
    if "full" in cause:
        return f"The ledger {name} cannot grow: {cause}. Free some space on its disk."
    if "not a database" in cause or "malformed" in cause:
        return f"The ledger {name} is damaged or is not a ledger: {cause}. Move it away and run again."
    unreachable = isinstance(error, OperationalError) and address.get_backend_name() != "sqlite"
    advice = "Is the database up, and the address right?" if unreachable else "See docs/record.md."
    return f"The ledger {name} cannot be used: {cause}. {advice}"
