"""PostgreSQL, with a limit to every wait: neither a run nor its undo is held up by a server that hangs.

The server ends what it can by itself, after STATEMENT_S. A server that is stopped, or behind a network that
swallows everything, says nothing at all; then the connection is given up after ANSWER_S.
"""

import time
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.errors import _WaitTimeout
from sqlalchemy import Engine, event, text

from windtunnel.ledger.address import called
from windtunnel.model.errors import LedgerError

CONNECT_S = 3
STATEMENT_S = 4
ANSWER_S = 5.0
REST_S = 1.0  # after a connection that failed, so that many calls in a row wait for a dead server once
_SETTINGS = """
SELECT set_config('statement_timeout', %(limit)s, false),
       set_config('lock_timeout', %(limit)s, false),
       set_config('idle_in_transaction_session_timeout', %(limit)s, false),
       CASE WHEN current_setting('synchronous_commit') = 'off'
            THEN set_config('synchronous_commit', 'on', false) END
"""  # the last: what was committed is on the disk, whatever the server's own habit

Found = TypeVar("Found")


class ImpatientConnection(psycopg.Connection[Any]):
    """A connection that gives up, and closes, when the server is silent for too long."""

    def wait(self, gen: PQGen[Found], interval: float = 0.1, timeout: float | None = None) -> Found:
        """Wait for the server, as psycopg asks for everything it does.

        Raises:
            OperationalError: there was no answer in time.
        """
        try:
            return super().wait(gen, interval, timeout or ANSWER_S)
        except _WaitTimeout as error:
            self.close()
            msg = f"no answer within {timeout or ANSWER_S:g} s"
            raise psycopg.OperationalError(msg) from error


def tame(engine: Engine) -> None:
    """Set up every connection of *engine*."""
    failed: list[tuple[float, psycopg.Error]] = []

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]) -> Any:
        if failed and time.monotonic() - failed[0][0] < REST_S:
            raise failed[0][1].with_traceback(None)
        try:
            made = _connected(*arguments, **options)
        except psycopg.Error as error:
            failed[:] = [(time.monotonic(), error)]
            raise
        failed.clear()
        return made


def _connected(*arguments: Any, **options: Any) -> ImpatientConnection:
    made = ImpatientConnection.connect(*arguments, **options | {"connect_timeout": CONNECT_S})
    try:
        made.execute(_SETTINGS, {"limit": f"{STATEMENT_S}s"})
        made.commit()
    except BaseException:
        made.close()
        raise
    return made


def check_encoding(engine: Engine) -> None:
    """Return if the database can hold every text.

    Raises:
        LedgerError: it cannot.
    """
    with engine.connect() as connection:
        encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        msg = (
            f"The ledger {called(engine.url)} keeps its text in {encoding}, which cannot hold every letter; "
            "create a database with ENCODING 'UTF8'."
        )
        raise LedgerError(msg)
