"""`windtunnel history prune` tells what it removed, and removes only what was asked."""

import json
import sys
from datetime import timedelta

import pytest

from tests.unit.report_sample import DEVIATED
from windtunnel.cli import entry
from windtunnel.clock import SystemClock
from windtunnel.ledger import open_ledger


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A state folder with runs that ended 100, 80 and 1 days ago, and one that has not."""
    monkeypatch.setenv("WINDTUNNEL_HOME", str(tmp_path))
    now = SystemClock().now()
    with open_ledger() as ledger:
        for days in (100, 80, 1):
            ledger.begin(f"run-{days}", "x", at=now - timedelta(days=days))
            ledger.finish(f"run-{days}", DEVIATED, at=now - timedelta(days=days))
        ledger.begin("run-0", "x", at=now - timedelta(days=500))
    return tmp_path


@pytest.fixture
def prune(home, monkeypatch, capsys):
    """Type the command; give its status and what it said."""

    def typed(*arguments):
        monkeypatch.setattr(sys, "argv", ["windtunnel", "history", "prune", *arguments])
        with pytest.raises(SystemExit) as ended:
            entry.main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out + said.err

    return typed


def left():
    with open_ledger() as ledger:
        return {run.run_id for run in ledger.runs()}


def test_it_tells_how_many_runs_went_and_when_they_had_ended(prune):
    status, said = prune("--older-than", "2d")

    gone = [(SystemClock().now() - timedelta(days=days)).date().isoformat() for days in (100, 80)]
    assert status == 0
    assert said.startswith(f"Removed 2 runs that ended from {gone[0]} to {gone[1]}; the file is ")
    assert left() == {"run-0", "run-1"}


def test_it_only_tells_with_dry_run(prune):
    assert prune("--older-than", "90d", "--dry-run")[1].startswith("Would remove 1 run that ended from")
    assert len(left()) == 4


def test_it_says_when_there_is_nothing_to_remove(prune):
    assert prune("--older-than", "3y1d")[0] == 2
    assert prune("--older-than", "3000d") == (0, "No run that ended more than 3000d ago can be removed.\n")


def test_it_names_the_runs_as_json(prune):
    form = json.loads(prune("--older-than", "90d", "--json")[1])

    assert (form["removed"], form["runs"]) == (True, ["run-100"])
    assert form["freed_bytes"] >= 0


@pytest.mark.parametrize("bad", ["", "90", "soon", "99999d"])
def test_an_age_that_is_none_is_unusable_input_and_removes_nothing(prune, bad):
    status, said = prune("--older-than", bad)

    assert status == 2
    assert "--older-than" in said
    assert len(left()) == 4


def test_the_age_has_no_default(prune):
    assert prune()[0] == 2
