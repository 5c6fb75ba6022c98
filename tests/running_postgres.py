"""Debian's PostgreSQL as the tests need it: on loopback, in a temporary folder, never as root."""

import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

USER, PASSWORD = "windtunnel", "not/so:secret"
_WRITTEN = "not%2Fso:secret"  # the same in an address
LEAST = 15  # the first that orders text by ICU's rules, as many installations do
_NOBODY = {"user": "nobody", "group": "nogroup", "extra_groups": []}  # PostgreSQL refuses to run as root


_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server() -> "Iterator[PostgresServer]":
    """Start PostgreSQL, once for all tests."""
    if why := _missing():
        pytest.skip(why)
    with running() as started:
        yield started


@contextmanager
def running() -> "Iterator[PostgresServer]":
    """Start PostgreSQL, and remove it at the end."""
    started = PostgresServer()
    try:
        started.start()
        yield started
    finally:
        started.remove()


@pytest.fixture
def postgres(postgres_server: "PostgresServer") -> Iterator[str]:
    """Give the address of a new database."""
    name = f"ledger_{next(_numbers)}"
    postgres_server.sql(f"CREATE DATABASE {name}")
    yield postgres_server.url(name)
    postgres_server.sql(f"DROP DATABASE {name} WITH (FORCE)")


def _missing() -> str:
    """Say which program is missing, or nothing."""
    lost = [name for name in ("initdb", "postgres") if _program(name) is None]
    if lost:
        return f"{' and '.join(lost)} not found; on Debian: apt-get install postgresql"
    said = subprocess.run(
        [str(_program("postgres")), "--version"], capture_output=True, text=True, check=True
    )
    found = int(re.findall(r"\d+", said.stdout)[0])
    return "" if found >= LEAST else f"PostgreSQL {found} is older than {LEAST}"


def _program(name: str) -> str | None:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(found[-1]) if found else None)


class PostgresServer:
    """One server that can be stopped, started again, and held in mid-breath."""

    def __init__(self) -> None:
        self._identity: dict[str, Any] = _NOBODY if os.geteuid() == 0 else {}
        self._folder = Path(tempfile.mkdtemp(prefix="windtunnel-postgres-"))
        if self._identity:
            shutil.chown(self._folder, _NOBODY["user"], _NOBODY["group"])
        self._data = self._folder / "data"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self._make()

    def _make(self) -> None:
        secret = self._folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        command = [str(_program("initdb")), "--pgdata", str(self._data), "--username", USER]
        command += ["--auth", "scram-sha-256", "--pwfile", str(secret), "--encoding", "UTF8"]
        command += ["--locale-provider", "icu", "--icu-locale", "en-US", "--locale", "C", "--no-sync"]
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, **self._identity)
        assert done.returncode == 0, done.stderr

    def url(self, name: str) -> str:
        """Return the address of a database, as an installation would write it."""
        return f"postgresql://{USER}:{_WRITTEN}@127.0.0.1:{self.port}/{name}"

    def sql(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run a statement by another way than the ledger's."""
        address = {"host": "127.0.0.1", "port": self.port, "user": USER, "password": PASSWORD}
        with psycopg.connect(dbname=database, autocommit=True, **address) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def start(self) -> None:
        """Start, and wait until it takes connections."""
        command = [str(_program("postgres")), "-D", str(self._data), "-p", str(self.port)]
        command += ["-k", str(self._folder), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd="/", stdout=log, stderr=log, **self._identity)
        for _ in range(400):
            assert self._process.poll() is None, (self._folder / "log").read_text()
            try:
                self.sql("SELECT 1")
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError((self._folder / "log").read_text())

    def stop(self) -> None:
        """Stop at once: whoever is connected is thrown out."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
            self._process = None

    def hang_up(self, name: str) -> None:
        """End all connections to a database."""
        self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()", name)

    def freeze(self) -> None:
        """Let it hang: it takes connections, and never says anything again."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal_all(signal.SIGCONT)

    def remove(self) -> None:
        """Stop, and leave nothing behind."""
        self.stop()
        shutil.rmtree(self._folder)

    def _signal_all(self, number: signal.Signals) -> None:
        assert self._process is not None
        own = self._process.pid
        children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
        for pid in (own, *map(int, children)):
            os.kill(pid, number)
