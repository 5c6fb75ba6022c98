"""Which database is the ledger, and how it is called in messages: never with what could be a secret."""

import os
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from windtunnel.clients.home import state_folder
from windtunnel.model.errors import InputError
from windtunnel.redaction import learn

VARIABLE = "WINDTUNNEL_LEDGER"
FORMS = "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
_DRIVERS = {  # as people write it: what speaks to it
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}


def ledger_address(url: str | None) -> URL:
    """Return the address of the ledger: *url*, else `$WINDTUNNEL_LEDGER`, else a file in the state folder.

    Raises:
        InputError: there can be no ledger at that address.
    """
    given = url or os.environ.get(VARIABLE, "").strip()
    if not given:
        return URL.create("sqlite", database=str(state_folder() / "ledger.db"))
    address = _parsed(given)
    learn(str(address.password or ""))
    if address.drivername not in _DRIVERS:
        msg = f"A ledger cannot be kept in {address.drivername}; write {FORMS}."
        raise InputError(msg)
    if address.get_backend_name() == "sqlite" and address.database in {None, "", ":memory:"}:
        msg = "A ledger in memory would be lost with the process that must undo; write sqlite:///FILE."
        raise InputError(msg)
    return address.set(drivername=_DRIVERS[address.drivername])


def is_at_hand() -> bool:
    """Say whether this machine has a ledger to open, without making one: a file that is there, or a server.

    Raises:
        InputError: there can be no ledger at the address that is set.
    """
    address = ledger_address(None)
    return address.get_backend_name() != "sqlite" or Path(str(address.database)).is_file()


def called(address: URL) -> str:
    """Return how messages call the ledger at *address*: without its password, and without its options."""
    if address.get_backend_name() == "sqlite":
        return str(address.database)
    return address.set(query={}).render_as_string(hide_password=True)


def _parsed(given: str) -> URL:
    """Parse; what cannot be parsed is not repeated, for nobody knows where in it the password stands."""
    try:
        address = make_url(given)
    except (ArgumentError, ValueError) as error:
        msg = f"The address given for the ledger (in {VARIABLE}, say) is none; write {FORMS}."
        raise InputError(msg) from error
    if "@" in (address.host or ""):
        msg = "In the address of the ledger, an @ that belongs to the password is written %40."
        raise InputError(msg)
    return address
