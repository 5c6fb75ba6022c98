"""Every command of the documentation is run by a test, and what is not run at least exists."""

import json
import re
import shlex
import shutil

import pytest
import typer
from typer.testing import CliRunner

from tests.unit.docs_blocks import (
    NEED_NOTHING,
    NOT_RUN,
    ROOT,
    WALKED,
    blocks,
    every_command,
    output_after,
    page,
)
from tests.unit.report_sample import DEVIATED, RECORD, RUN_ID
from windtunnel.cli.entry import VERBS, build
from windtunnel.ledger import Origin, open_ledger

ALL = every_command()
KUBECTL = {"apply", "create", "delete", "drain", "get", "label", "patch", "rollout", "scale", "uncordon"}


@pytest.fixture(scope="module")
def application():
    return build()


@pytest.fixture(scope="module")
def grammar(application):
    return typer.main.get_command(application)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with the experiments of the project and of the README, and a ledger with one run."""
    folder = tmp_path_factory.mktemp("desk")
    shutil.copytree(ROOT / "experiments", folder / "experiments")
    (folder / "experiments" / "payments-carry-on.yaml").write_text(blocks("README.md", "yaml")[0])
    text = (ROOT / "experiments" / "catalog-survives-pod-loss.yaml").read_text()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("WINDTUNNEL_HOME", str(folder / "home"))
        with open_ledger() as ledger:
            origin = Origin(seed=42, experiment_source="catalog.yaml", experiment_text=text)
            ledger.begin(RUN_ID, "catalog-survives-pod-loss", origin=origin, at=RECORD.events[0].at)
            for event in RECORD.events:
                ledger.append(RUN_ID, event)
            ledger.append_samples(RUN_ID, RECORD.samples)
            ledger.finish(RUN_ID, DEVIATED)
        yield folder


@pytest.mark.parametrize("command", NEED_NOTHING)
def test_a_command_that_needs_nothing_works_as_it_is_written(application, desk, command):
    written, _, file = command.partition(" > ")
    done = CliRunner().invoke(application, shlex.split(written.replace("RUN", RUN_ID))[1:])
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() or "--output" in command
    if "json" in command:
        json.loads(done.stdout)
    assert not file or file.endswith(".json")


def test_what_validate_is_shown_to_say_is_what_it_says(application, desk, tmp_path, monkeypatch):
    shown = output_after("docs/experiment-file.md", "windtunnel validate experiments")
    text = (desk / "experiments" / "checkout-survives-pod-loss.yaml").read_text()
    wrong = text.replace("owner:", "ownr:").replace("duration: 20s", 'duration: "20"')
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "checkout.yaml").write_text(wrong)
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(application, ["validate", "experiments"]).stdout.splitlines()
    expected = [".*".join(map(re.escape, line.split("..."))) for line in shown]
    assert all(re.fullmatch(*pair) for pair in zip(expected, said, strict=True)), said


def test_every_command_is_run_by_a_test_or_listed_with_the_reason():
    loose = [
        (where, command)
        for where, command in ALL
        if where not in WALKED and command not in (*NEED_NOTHING, *NOT_RUN)
    ]
    assert loose == []


def test_the_lists_of_commands_hold_nothing_that_is_gone():
    written = {command for _, command in ALL}
    assert {*NEED_NOTHING, *NOT_RUN} <= written


@pytest.mark.parametrize("command", sorted({c for _, c in ALL if c.startswith("windtunnel ")}))
def test_every_verb_and_option_that_is_written_exists(grammar, command):
    parse(grammar, shlex.split(command.partition(" > ")[0])[1:])


def parse(command, arguments):
    """Parse as the command line would, without doing anything."""
    try:
        context = command.make_context("windtunnel", list(arguments))
    except typer.Exit:  # --help and --version end it at once
        return
    left = [*context._protected_args, *context.args]
    if left and isinstance(getattr(command, "commands", None), dict):  # a group may do something by itself
        _, verb, rest = command.resolve_command(context, left)
        parse(verb, rest)


@pytest.mark.parametrize("command", sorted({c for _, c in ALL if c.startswith("make ")}))
def test_every_make_target_that_is_written_exists(command):
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE)
    given = {word.partition("=")[0] for word in command.split()[1:] if "=" in word}
    assert {word for word in command.split()[1:] if "=" not in word} <= set(targets)
    assert given <= set(re.findall(r"\$\(([A-Z]+)\)", makefile))


def test_every_program_and_every_file_of_the_project_that_a_command_names_is_known():
    own = {"experiments/payments-carry-on.yaml"}  # the reader writes it
    for where, command in ALL:
        words = shlex.split(command)
        assert words[0] in {"windtunnel", "kubectl", "make", "export", "."}, (where, command)
        if words[0] == "kubectl":
            assert KUBECTL & set(words), (where, command)
        named = [word for word in words if word.startswith(("experiments/", "docs/"))]
        assert [word for word in named if word not in own and not (ROOT / word).exists()] == []


def test_every_verb_is_described():
    described = page("docs/cli.md")
    assert [verb for verb in VERBS if not re.search(rf"`{verb}\b", described)] == []


def test_every_make_target_in_running_text_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", page("README.md") + page("docs/architecture.md")))
    assert named <= targets
