"""Which database is the ledger, and that no message tells its password."""

import sys

import pytest

from windtunnel.ledger import open_ledger
from windtunnel.ledger.address import called, ledger_address
from windtunnel.model.errors import InputError, LedgerError

SECRET = "hunter2"


def test_the_variable_names_the_ledger(tmp_path, monkeypatch):
    monkeypatch.setenv("WINDTUNNEL_LEDGER", f"sqlite:///{tmp_path}/elsewhere.db")

    open_ledger().close()

    assert (tmp_path / "elsewhere.db").is_file()


def test_an_empty_variable_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("WINDTUNNEL_LEDGER", " ")
    monkeypatch.setenv("WINDTUNNEL_HOME", str(tmp_path))

    assert called(ledger_address(None)) == str(tmp_path / "ledger.db")


@pytest.mark.parametrize("written", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_way_to_write_postgresql_is_understood(written):
    address = ledger_address(f"{written}://ana:{SECRET}@db.example.com:5433/chaos")

    assert address.drivername == "postgresql+psycopg"
    assert called(address) == "postgresql+psycopg://ana:***@db.example.com:5433/chaos"


@pytest.mark.parametrize("bad", ["sqlite://", "sqlite:///:memory:"])
def test_a_ledger_in_memory_is_refused(bad):
    with pytest.raises(InputError, match="in memory would be lost"):
        open_ledger(bad)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("ledger.db", "is none; write sqlite:///FILE or postgresql://"),
        (f"postgresql//ana:{SECRET}@host/x", "is none"),
        (f"postgresql://ana:{SECRET}@host:port/x", "is none"),
        (f"postgresql://ana:a@{SECRET}@host/x", "written %40"),
        (f"mysql://ana:{SECRET}@host/x", "cannot be kept in mysql"),
        (f"postgresql+asyncpg://ana:{SECRET}@host/x", r"cannot be kept in postgresql\+asyncpg"),
        (f"postgresql://ana:{SECRET}@127.0.0.1:1/x", r"ana:\*\*\*@.* Is the database up"),
        (f"postgresql://127.0.0.1:1/x?user=ana&password={SECRET}", "Is the database up"),
        (f"postgresql://127.0.0.1:1/x?pasword={SECRET}", "cannot be used"),
    ],
)
def test_an_address_that_cannot_be_used_says_why_and_shows_no_password(bad, said, monkeypatch):
    monkeypatch.setenv("WINDTUNNEL_LEDGER", bad)

    with pytest.raises((InputError, LedgerError), match=said) as caught:
        open_ledger()

    error = caught.value
    while error is not None:  # a traceback shows the causes, too
        assert SECRET not in str(error)
        error = error.__cause__ or error.__context__


def test_a_driver_that_is_missing_is_named_with_the_way_to_get_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "windtunnel.ledger.postgresql", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(LedgerError, match="needs a driver: install windtunnel with its extra postgres"):
        open_ledger("postgresql://host/x")
