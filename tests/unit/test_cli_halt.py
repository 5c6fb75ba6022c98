"""`windtunnel halt` and `release` against a real API server."""

import json

import pytest
from typer.testing import CliRunner

from windtunnel.cli.entry import build
from windtunnel.clients import halt
from windtunnel.model.errors import InputError, UnreachableError


@pytest.fixture
def command(api_server, cluster, monkeypatch, tmp_path):
    """Call the command line in a folder without a policy, with the API server as the current context."""
    monkeypatch.setenv("KUBECONFIG", api_server.entry.kubeconfig)
    monkeypatch.setenv("WINDTUNNEL_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield lambda *arguments: CliRunner().invoke(build(), list(arguments))
    halt.release(cluster)


def test_halt_pulls_the_lever_and_says_how_to_release_it(command, cluster):
    done = command("halt", "--reason", "customers suffer")
    assert done.exit_code == 0, done.output
    assert "customers suffer" in done.output
    assert "windtunnel resume" in done.output
    lever = halt.read(cluster)
    assert lever.pulled
    assert "@" in lever.by


def test_release_says_whether_there_was_anything_to_release(command, cluster):
    command("halt", "-r", "x")
    assert "experiments may run again" in command("resume").output
    assert not halt.read(cluster).pulled
    assert "Nothing to release" in command("resume").output


def test_both_verbs_speak_json(command):
    pulled = json.loads(command("halt", "--reason", "x", "--json").output)
    assert (pulled["pulled"], pulled["reason"]) == (True, "x")
    assert json.loads(command("resume", "--json").output)["was_pulled"] is True


def test_a_reason_must_be_given_and_say_something(command):
    assert command("halt").exit_code == 2
    assert isinstance(command("halt", "--reason", " ").exception, InputError)


def test_an_unknown_cluster_and_a_lab_that_does_not_run_are_told(command):
    assert isinstance(command("halt", "--reason", "x", "--cluster", "moon").exception, InputError)
    assert isinstance(command("resume", "--cluster", "lab").exception, UnreachableError)


def test_a_broken_policy_file_does_not_stand_in_the_way(command, cluster, tmp_path):
    (tmp_path / "windtunnel.yaml").write_text("windows: [[[")
    assert command("halt", "--reason", "x").exit_code == 0
    assert halt.read(cluster).pulled
    assert isinstance(command("halt", "--reason", "x", "--cluster", "lab").exception, InputError)
