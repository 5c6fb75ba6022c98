"""What can happen to a file in the middle of a run: an error at once, and nothing lost that was promised."""

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from windtunnel.ledger import open_ledger
from windtunnel.model.errors import LedgerError
from windtunnel.model.record import Event, EventKind, Phase, Sample

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 21, tzinfo=UTC)

UNTIL_IT_FAILS = """
import resource, sys
from datetime import UTC, datetime
from windtunnel.ledger import open_ledger
from windtunnel.model.errors import LedgerError
from windtunnel.model.record import Event, EventKind

ledger = open_ledger(sys.argv[1])
ledger.begin("run-1", "x")
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
try:
    for number in range(100_000):
        ledger.append("run-1", Event(datetime.now(UTC), EventKind.WATCHED, str(number) + " " * 5000))
        print(number, flush=True)
except LedgerError as error:
    print(error, flush=True)
"""


def happened(message="It happened."):
    return Event(NOW, EventKind.WATCHED, message)


def looked(value):
    return Sample(NOW, "p", Phase.DURING, True, float(value), 0.1)


def values(ledger):
    return [sample.value for sample in ledger.read("run-1").samples]


@pytest.fixture
def small_disk(tmp_path):
    """Mount a file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    command = [str(mount), "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    if not (mount and umount) or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run([umount, "--lazy", str(folder)], check=True)


@contextmanager
def nobody():
    """Be somebody who may not write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder():
    """Make a folder that others can reach."""
    folder = Path(tempfile.mkdtemp(prefix="windtunnel-ledger-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def fill_up(ledger):
    """Write until the pages that the file has already are full, too."""
    for _ in range(100):
        ledger.append("run-1", happened("x" * 4000))


def fill(folder):
    """Leave no space; return what to delete to have it back."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return filler


def test_on_a_full_disk_everything_is_refused_until_there_is_space_and_no_sample_is_lost(small_disk):
    with open_ledger(f"sqlite:///{small_disk}/ledger.db") as ledger:
        ledger.begin("run-1", "x")
        ledger.append_samples("run-1", [looked(0)])
        ledger.flush()
        filler = fill(small_disk)

        with pytest.raises(LedgerError, match=r"ledger\.db cannot grow: .* Free some space on its disk"):
            fill_up(ledger)
        before = len(ledger.read("run-1").events)
        ledger.append_samples("run-1", [looked(number) for number in range(1, 2000)])
        with pytest.raises(LedgerError, match="cannot grow"):
            ledger.flush()
        with pytest.raises(LedgerError, match="cannot grow"):
            ledger.append_samples("run-1", [looked(2000)])
        filler.unlink()
        ledger.append("run-1", happened())

        assert values(ledger) == [float(number) for number in range(2001)]
        assert len(ledger.read("run-1").events) == before + 1


def test_a_ledger_that_cannot_be_made_on_a_full_disk_says_so(small_disk):
    fill(small_disk)

    with pytest.raises(LedgerError, match=r"ledger\.db cannot (grow|be written)"):
        open_ledger(f"sqlite:///{small_disk}/ledger.db")


def test_a_file_that_may_not_grow_keeps_every_event_that_was_taken(sqlite):
    done = subprocess.run(
        [sys.executable, "-c", UNTIL_IT_FAILS, sqlite], cwd=ROOT, capture_output=True, text=True, check=True
    )
    *numbers, said = done.stdout.splitlines()

    assert "ledger.db cannot be written: disk I/O error. Look at its disk." in said
    with open_ledger(sqlite) as ledger:
        assert [event.message.strip() for event in ledger.read("run-1").events] == numbers


@pytest.mark.parametrize("how", [Path.unlink, lambda file: file.rename(file.with_name("away.db"))])
def test_a_file_that_is_deleted_or_moved_away_is_noticed_at_once(sqlite, how):
    file = Path(sqlite.removeprefix("sqlite:///"))
    ledger = open_ledger(sqlite)
    ledger.begin("run-1", "x")

    how(file)

    with pytest.raises(LedgerError, match="was deleted or replaced while it was in use"):
        ledger.append("run-1", happened())
    with pytest.raises(LedgerError, match="was deleted or replaced"):
        ledger.read("run-1")
    assert not file.exists(), "no empty ledger takes its place"
    ledger.close()


def test_a_file_that_is_replaced_by_another_ledger_is_noticed(sqlite):
    file = Path(sqlite.removeprefix("sqlite:///"))
    with open_ledger(sqlite) as ledger:
        ledger.begin("run-1", "x")
        file.unlink()
        open_ledger(sqlite).close()

        with pytest.raises(LedgerError, match="was deleted or replaced"):
            ledger.append("run-1", happened())


def test_a_file_that_may_not_be_written_is_an_error_that_says_so(open_folder):
    address = f"sqlite:///{open_folder}/ledger.db"
    open_ledger(address).close()
    (open_folder / "ledger.db").chmod(0o444)
    open_folder.chmod(0o555)

    with nobody(), pytest.raises(LedgerError, match="cannot be written: attempt to write a readonly"):
        open_ledger(address)


def test_a_file_that_becomes_read_only_takes_all_or_refuses(open_folder):
    address = f"sqlite:///{open_folder}/ledger.db"
    open_folder.chmod(0o777)
    with nobody():
        ledger = open_ledger(address)
        ledger.begin("run-1", "x")
        (open_folder / "ledger.db").chmod(0o444)
        try:
            ledger.append("run-1", happened())
            taken = 1
        except LedgerError:
            taken = 0
        with pytest.raises(LedgerError, match="cannot be written"):
            open_ledger(address)

        assert len(ledger.read("run-1").events) == taken
        ledger.close()
