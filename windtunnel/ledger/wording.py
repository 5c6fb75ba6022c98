"""What the databases' errors mean, in a sentence that names the ledger and says what to do."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from windtunnel.ledger.address import called
from windtunnel.model.errors import LedgerError

_MEANINGS = (  # words of a cause, in lower case; what it means; what to do
    (("locked", "lock timeout"), "is in use by another process", "Try again."),
    (("readonly", "read-only"), "cannot be written", "Let windtunnel write to it, or name another."),
    (("permission denied for schema",), "cannot be written", "Let its user create tables there."),
    (("unable to open", "permission"), "cannot be written", "Is WINDTUNNEL_HOME a folder you may write to?"),
    (("is full", "no space left"), "cannot grow", "Free some space on its disk."),
    (("not a database", "malformed"), "is damaged or is not a ledger", "Move it away and run again."),
    (("disk i/o error",), "cannot be written", "Look at its disk."),
    (("statement timeout",), "is too slow", "Look at the load of its server."),
)  # fmt: skip


@contextmanager
def clear_errors(address: URL) -> Iterator[None]:
    """Turn the database's errors into a LedgerError."""
    try:
        yield
    except ImportError as error:
        name = called(address)
        msg = f"The ledger {name} needs a driver: install windtunnel with its extra postgres ({error})."
        raise LedgerError(msg) from error
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise LedgerError(_sentence(address, error)) from error


def _sentence(address: URL, error: Exception) -> str:
    name = called(address)
    cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0].rstrip(".")
    for words, meaning, advice in _MEANINGS:
        if any(word in cause.lower() for word in words):
            return f"The ledger {name} {meaning}: {cause}. {advice}"
    lost = isinstance(error, OperationalError) and address.get_backend_name() != "sqlite"
    advice = "Is the database up, and the address right?" if lost else "See docs/record.md."
    return f"The ledger {name} cannot be used: {cause}. {advice}"
