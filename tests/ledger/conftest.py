"""An empty ledger on each database: a file of SQLite, and a PostgreSQL server that the tests start."""

import itertools
from collections.abc import Iterator

import pytest

from tests.ledger.postgres_server import PostgresServer, missing_programs
from windtunnel.ledger import Ledger, open_ledger

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    """Start PostgreSQL, once for all tests."""
    if why := missing_programs():
        pytest.skip(why)
    started = PostgresServer()
    try:
        started.start()
        yield started
    finally:
        started.remove()


@pytest.fixture
def postgres(server: PostgresServer) -> Iterator[str]:
    """Give the address of a new database."""
    name = f"ledger_{next(_numbers)}"
    server.sql(f"CREATE DATABASE {name}")
    yield server.url(name)
    server.sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sqlite(tmp_path) -> str:
    """Give the address of a new file."""
    return f"sqlite:///{tmp_path}/ledger.db"


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest) -> str:
    """Give the address of a new ledger, on each database in turn."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def ledger(address: str) -> Iterator[Ledger]:
    """Open a new ledger."""
    with open_ledger(address) as opened:
        yield opened
