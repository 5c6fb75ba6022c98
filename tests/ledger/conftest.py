"""An empty ledger on each database: a file of SQLite, and a database of PostgreSQL."""

from collections.abc import Iterator

import pytest

from windtunnel.ledger import Ledger, open_ledger


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
