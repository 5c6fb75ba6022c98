"""What the demo shows at its end."""

import json
import sys

import pytest

from windtunnel.cli import demo_ending
from windtunnel.cli.demo_ending import Found, addresses, ending, messages
from windtunnel.model.errors import WindtunnelError
from windtunnel.model.verdict import Verdict

LAB = {"recorder": "http://recorder", "shop": "http://shop", "kubeconfig": "/k"}


def run(verdict="passed", undo="clean", run_id="r1"):
    return {"experiment": "x", "verdict": verdict, "undo": undo, "run_id": run_id}


def message(ts, text, *, thread="", run_id=""):
    return {"ts": ts, "text": text, "thread_ts": thread, "blocks": [{"text": f"Run `{run_id}`"}]}


@pytest.fixture
def told(monkeypatch):
    """A recorder, and reports that need no ledger."""
    monkeypatch.setattr(demo_ending, "_told", lambda _: [message("1", "x: passed", run_id="r1")])
    monkeypatch.setattr(demo_ending, "_report", lambda run_id: f"/reports/{run_id}.md")


def test_a_run_is_as_expected_only_when_it_was_undone():
    assert Found(run(), Verdict.PASSED).is_as_expected
    assert not Found(run("deviated"), Verdict.PASSED).is_as_expected
    assert not Found(run(undo="partial"), Verdict.PASSED).is_as_expected


@pytest.mark.usefixtures("told")
def test_the_ending_has_verdicts_messages_and_reports():
    text = ending([Found(run(), Verdict.PASSED)], recorder="http://recorder")

    assert "Both runs found what they should" in text
    assert "x           passed   passed    clean" in text
    assert "  x: passed" in text.splitlines()
    assert "/reports/r1.md" in text


@pytest.mark.usefixtures("told")
def test_an_ending_that_is_not_as_expected_says_so_first():
    text = ending([Found(run("deviated"), Verdict.PASSED)], recorder="http://recorder")

    assert "The runs did NOT find what they should" in text.splitlines()[0]


def test_messages_are_shown_as_slack_shows_them_and_only_those_of_the_demo():
    old = message("0", "an older run", run_id="r0")
    first = message("1", "x: running", run_id="r1")
    reply = message("2", "missed: 0.9, expected &gt;= 0.99", thread="1")

    assert messages([old, first, reply], ["r1"]) == [
        "  x: running",
        "      missed: 0.9, expected >= 0.99",
    ]


def test_every_address_begins_in_the_same_column(monkeypatch):
    for program in (None, "/bin/kubectl"):
        monkeypatch.setattr(demo_ending.shutil, "which", lambda _, found=program: found)

        lines = addresses(LAB, "http://ui").splitlines()[1:]

        assert {line[17] for line in lines} == {" "}
        assert " " not in {line[18] for line in lines}


def test_a_verb_that_fails_is_told_with_its_words(monkeypatch, tmp_path):
    monkeypatch.setenv("WINDTUNNEL_HOME", str(tmp_path))

    with pytest.raises(WindtunnelError, match="windtunnel report ended with 2: Error: There is no run yet"):
        demo_ending.windtunnel("report")
    assert json.loads(demo_ending.windtunnel("history", "--json")) == []


def test_the_program_is_called_by_its_path_where_the_environment_is_not_active(monkeypatch, tmp_path):
    monkeypatch.setattr(demo_ending.shutil, "which", lambda _: None)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    assert demo_ending._program() == "windtunnel"

    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "windtunnel").touch()
    assert demo_ending._program() == str(tmp_path / "bin" / "windtunnel")

    monkeypatch.chdir(tmp_path)
    assert demo_ending._program() == "bin/windtunnel"
