"""Open the database and bring its schema up to date. Opening twice at once, from two processes, is safe."""

from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, inspect, text

from windtunnel.ledger import sqlite
from windtunnel.ledger.address import called, ledger_address
from windtunnel.ledger.wording import clear_errors
from windtunnel.model.errors import LedgerError

HEAD = "0002"  # the revision that tables.py describes; a test holds it equal to alembic's head
KNOWN = frozenset({"0001", "0002"})
_POOL_S = 5.0  # how long to wait for a connection, when all are in use
_MIGRATION_LOCK = 0x77696E64  # an arbitrary number that only windtunnel's migrations use in PostgreSQL


def open_engine(url: str | None) -> Engine:
    """Return an engine on an up-to-date schema.

    Raises:
        InputError: the address is none.
        LedgerError: the database cannot be opened, written or understood.
    """
    address = ledger_address(url)
    with clear_errors(address):
        server = address.get_backend_name() == "postgresql"
        engine = create_engine(
            address, pool_pre_ping=server, pool_timeout=_POOL_S, hide_parameters=True
        )  # an error that quotes its statement must not quote what was recorded
        if server:
            from windtunnel.ledger import postgresql

            postgresql.tame(engine)
        else:
            sqlite.tame(engine)
    try:
        with clear_errors(address):
            if server:
                postgresql.check_encoding(engine)
            _bring_up_to_date(engine)
    except LedgerError:
        engine.dispose()
        raise
    return engine


def _bring_up_to_date(engine: Engine) -> None:
    with engine.connect().execution_options(**{sqlite.READ_ONLY: True}) as connection:
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
            f"The ledger {called(connection.engine.url)} was written by a newer windtunnel (schema {found}, "
            f"this version knows up to {HEAD}); use that version, or another ledger."
        )
        raise LedgerError(msg)
    return str(found)


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    command.upgrade(config, "head")
