"""Opening a ledger: schema, addresses, several processes at once, and what goes wrong in plain words."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import inspect
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from windtunnel.ledger import open_ledger, opening, sqlite
from windtunnel.ledger.opening import HEAD, KNOWN, open_engine
from windtunnel.ledger.tables import metadata
from windtunnel.model.errors import LedgerError

ROOT = Path(__file__).parents[2]

OPENER = """
import sys
from windtunnel.ledger import open_ledger
sys.stdin.readline()
with open_ledger(sys.argv[1]) as ledger:
    ledger.begin(sys.argv[2], "x")
"""


def url(folder):
    return f"sqlite:///{folder}/ledger.db"


def start(program, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_the_default_ledger_lies_in_the_state_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("WINDTUNNEL_HOME", str(tmp_path / "deep" / "home"))

    open_ledger().close()

    assert (tmp_path / "deep" / "home" / "ledger.db").is_file()


def test_what_was_recorded_is_there_when_opened_again(tmp_path):
    with open_ledger(url(tmp_path)) as ledger:
        ledger.begin("run-1", "x")
    with open_ledger(url(tmp_path)) as ledger:
        assert ledger.find("run-1").experiment == "x"


def test_the_migrations_make_exactly_the_tables_that_are_read(tmp_path):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    engine = open_engine(url(tmp_path))
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
        indexes = {
            index["name"] for table in metadata.tables for index in inspect(connection).get_indexes(table)
        }
    engine.dispose()

    assert differences == []
    assert indexes == {index.name for table in metadata.tables.values() for index in table.indexes}


def test_the_known_revisions_are_those_of_the_migrations():
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(opening.__file__).parent / "migrations"))
    script = ScriptDirectory.from_config(config)

    assert script.get_current_head() == HEAD
    assert {revision.revision for revision in script.walk_revisions()} == KNOWN


def test_the_tables_are_postgresql_too():
    dialect = postgresql.dialect()

    statements = [str(CreateTable(table).compile(dialect=dialect)) for table in metadata.tables.values()]
    statements += [
        str(CreateIndex(index).compile(dialect=dialect))
        for table in metadata.tables.values()
        for index in table.indexes
    ]

    assert "number BIGSERIAL NOT NULL" in "".join(statements)


def test_a_current_ledger_opens_without_alembic(tmp_path):
    open_ledger(url(tmp_path)).close()
    program = (
        "import sys; from windtunnel.ledger import open_ledger; open_ledger(sys.argv[1]).close();"
        "sys.exit('alembic' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", program, url(tmp_path)], cwd=ROOT, check=False)

    assert done.returncode == 0


def test_processes_that_open_a_new_ledger_at_once_all_succeed(tmp_path):
    openers = [start(OPENER, url(tmp_path), f"run-{number}") for number in range(4)]

    codes = []
    for opener in openers:
        opener.stdin.write("go\n")
        opener.stdin.flush()
    for opener in openers:
        opener.communicate()
        codes.append(opener.returncode)

    with open_ledger(url(tmp_path)) as ledger:
        assert (codes, len(ledger.runs())) == ([0, 0, 0, 0], 4)


def test_a_ledger_of_an_earlier_version_is_brought_up_to_date_with_all_that_is_in_it(tmp_path):
    with open_ledger(url(tmp_path)) as ledger:
        ledger.begin("run-1", "x")
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        connection.execute("DROP INDEX tickets_by_run")
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    connection.close()

    with open_ledger(url(tmp_path)) as ledger:
        assert ledger.find("run-1").experiment == "x"
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        found = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    connection.close()
    assert found == [(HEAD,)]


def test_a_ledger_of_a_newer_version_is_not_touched(tmp_path):
    open_ledger(url(tmp_path)).close()
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()

    with pytest.raises(LedgerError, match=r"written by a newer windtunnel \(schema 9999"):
        open_ledger(url(tmp_path))


def test_a_file_that_is_no_ledger_is_an_error_that_says_so(tmp_path):
    (tmp_path / "ledger.db").write_text("This is a diary. " * 100)

    with pytest.raises(LedgerError, match=r"ledger\.db is damaged or is not a ledger"):
        open_ledger(url(tmp_path))


def test_a_folder_that_is_not_there_is_an_error_that_says_so(tmp_path):
    with pytest.raises(LedgerError, match="cannot be written: unable to open database file"):
        open_ledger(url(tmp_path / "nowhere"))


def test_a_ledger_that_another_program_holds_is_an_error_that_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "BUSY_S", 0.05)
    ledger = open_ledger(url(tmp_path))
    holder = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    with pytest.raises(LedgerError, match="is in use by another process: database is locked"):
        ledger.begin("run-1", "x")

    holder.execute("ROLLBACK")
    holder.close()
    ledger.begin("run-1", "x")
    ledger.close()
