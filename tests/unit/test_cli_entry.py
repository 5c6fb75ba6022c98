"""The command line as its users meet it: help, mistakes, pipes; through the real entry point."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.unit.report_sample import DEVIATED, EXPERIMENT, RECORD, RUN_ID
from windtunnel import __version__
from windtunnel.cli import entry
from windtunnel.cli.console import VERDICT_COLORS, columns, fitting, heading
from windtunnel.ledger import Origin, open_ledger
from windtunnel.model.errors import InputError, LedgerError, TargetError
from windtunnel.model.verdict import ExitCode

ROOT = Path(__file__).parents[2]
START = datetime(2026, 11, 21, 12, tzinfo=UTC)

EXPERIMENT_TEXT = """
experiment: catalog-survives-pod-loss
hypothesis: Customers do not notice when one of catalog's pods dies.
owner: catalog-team
target: {namespace: shop, workload: deployment/catalog}
steady_state:
  - {name: success ratio, prometheus: a/b, expect: ">= 0.99"}
  - {name: traffic, prometheus: t, expect: "> 5", role: load}
faults:
  - pod-delete: {count: 1}
duration: 20s
recover_within: 40s
"""


@pytest.fixture
def home(tmp_path):
    """A state folder whose ledger holds one run."""
    with open_ledger(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        origin = Origin(seed=42, experiment_source="x.yaml", experiment_text=EXPERIMENT_TEXT)
        ledger.begin(RUN_ID, EXPERIMENT.name, at=START, origin=origin)
        for event in RECORD.events:
            ledger.append(RUN_ID, event)
        ledger.append_samples(RUN_ID, RECORD.samples)
        ledger.finish(RUN_ID, DEVIATED, at=START)
    return tmp_path


def windtunnel(*arguments, home, **environment):
    return subprocess.run(
        [sys.executable, "-m", "windtunnel.cli", *arguments],
        cwd=ROOT,
        env=os.environ | {"WINDTUNNEL_HOME": str(home)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def inside(*arguments, home, monkeypatch):
    """Run the command line in this process; return its exit status."""
    monkeypatch.setenv("WINDTUNNEL_HOME", str(home))
    monkeypatch.setattr(sys, "argv", ["windtunnel", *arguments])
    with pytest.raises(SystemExit) as ended:
        entry.main()
    return ended.value.code or 0


def test_the_version_is_told(tmp_path):
    done = windtunnel("--version", home=tmp_path)

    assert (done.returncode, done.stdout) == (0, f"windtunnel {__version__}\n")


def test_help_loads_nothing_heavy(tmp_path):
    program = (
        "import sys; sys.argv = ['windtunnel', '--help']\n"
        "from windtunnel.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'prefect', 'kubernetes', 'sqlalchemy', 'matplotlib', 'rich', 'pydantic', 'slack_sdk'}"
        " & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines()[-1] == "[]"
    for verb in ("run", "history", "report", "server"):
        assert f"\n  {verb}" in done.stdout


def in_shell(command, home, **environment):
    return subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=ROOT,
        env=os.environ | {"WINDTUNNEL_HOME": str(home)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_reader_that_goes_away_is_no_error(home):
    command = f"{sys.executable} -m windtunnel.cli report last --format json | head -c 10"
    done = in_shell(command, home)

    assert done.stderr == ""
    assert done.stdout == '{\n  "forma'


@pytest.mark.parametrize("into", ["> /dev/full", "> /dev/full 2> /dev/full", "2> /dev/full > /dev/full"])
def test_a_result_that_cannot_be_written_is_an_internal_error_and_never_reads_as_a_verdict(home, into):
    command = f"{sys.executable} -m windtunnel.cli history {into}"
    done = in_shell(command, home)

    assert done.returncode == ExitCode.INTERNAL_ERROR
    assert ("No space left on device" in done.stderr) == ("2>" not in into)


def test_a_command_whose_reader_goes_away_keeps_its_exit_status(home):
    command = f"{{ {sys.executable} -m windtunnel.cli doctor; echo $? >&2; }} | true"
    done = in_shell(command, home, KUBECONFIG=str(home / "none"), HOME=str(home))
    assert done.stderr == "2\n"


def test_the_history_shows_how_runs_ended(home, monkeypatch, capsys):
    assert inside("history", home=home, monkeypatch=monkeypatch) == 0

    head, line = capsys.readouterr().out.splitlines()
    assert head.split() == ["RUN", "STARTED", "TOOK", "VERDICT", "UNDO", "EXPERIMENT", "REASON"]
    assert line.startswith(f"{RUN_ID}  2026-11-21 12:00:00Z  0s    deviated  clean")


def test_the_history_as_json_is_one_document(home, monkeypatch, capsys):
    inside("history", "--json", "--limit", "1", home=home, monkeypatch=monkeypatch)

    (run,) = json.loads(capsys.readouterr().out)
    assert (run["run_id"], run["verdict"], run["exit_code"]) == (RUN_ID, "deviated", 1)
    assert run["started_at"] == "2026-11-21T12:00:00.000Z"


def test_an_empty_history_says_how_to_begin(tmp_path, monkeypatch, capsys):
    inside("history", home=tmp_path, monkeypatch=monkeypatch)
    assert "windtunnel run FILE" in capsys.readouterr().out

    inside("history", "--json", home=tmp_path, monkeypatch=monkeypatch)
    assert json.loads(capsys.readouterr().out) == []


def test_a_report_is_printed_from_the_ledger_alone(home, monkeypatch, capsys):
    assert inside("report", RUN_ID[:12], home=home, monkeypatch=monkeypatch) == 0

    text = capsys.readouterr().out
    assert text.startswith("# catalog-survives-pod-loss: deviated\n")
    assert "windtunnel run x.yaml --seed 42" in text


def test_a_report_as_json_holds_the_record(home, monkeypatch, capsys):
    inside("report", "--json", home=home, monkeypatch=monkeypatch)

    assert json.loads(capsys.readouterr().out)["record"]["run_id"] == RUN_ID


def test_a_report_and_its_chart_are_written_to_files(home, tmp_path, monkeypatch, capsys):
    page, chart = tmp_path / "r.md", tmp_path / "r.svg"

    inside("report", "last", "-o", str(page), "--chart", str(chart), home=home, monkeypatch=monkeypatch)

    assert "](r.svg)" in page.read_text()  # found wherever both are moved
    assert chart.read_text().startswith("<?xml")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("report", "nope"), "No run begins with 'nope'"),
        (("report", "last", "--chart", "x.gif"), "a chart is written to a file that ends in .svg or .png"),
        (("report", "last", "--output", "/no/where/x.md"), "--output /no/where/x.md cannot be written"),
        (("report", "last", "--chart", "/no/where/x.svg"), "--chart /no/where/x.svg cannot be written"),
        (("run", "missing.yaml"), "missing.yaml: there is no such file"),
        (("run", "."), "is a folder"),
        (("run", "x.yaml", "--seed", "-1"), "'--seed': Input should be greater than or equal to 0"),
        (("histroy",), "Did you mean 'history'?"),
    ],
)
def test_a_mistake_is_told_in_plain_words_and_exits_with_2(home, monkeypatch, capsys, arguments, said):
    assert inside(*arguments, home=home, monkeypatch=monkeypatch) == ExitCode.UNUSABLE_INPUT

    captured = capsys.readouterr()
    assert said in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_a_file_with_mistakes_starts_nothing(home, tmp_path, monkeypatch, capsys):
    (tmp_path / "bad.yaml").write_text(EXPERIMENT_TEXT.replace("duration: 20s", "duraton: 20s"))

    assert inside("run", str(tmp_path / "bad.yaml"), home=home, monkeypatch=monkeypatch) == 2

    assert "duraton" in capsys.readouterr().err
    assert not (home / "prefect").exists()


def test_a_prefect_that_does_not_answer_is_told_before_anything_is_run(home, tmp_path, monkeypatch, capsys):
    (tmp_path / "good.yaml").write_text(EXPERIMENT_TEXT)
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")

    assert inside("run", str(tmp_path / "good.yaml"), home=home, monkeypatch=monkeypatch) == 2

    assert "(PREFECT_API_URL) does not answer" in capsys.readouterr().err


def test_an_error_nobody_foresaw_is_one_line_and_a_file(home, monkeypatch, capsys):
    monkeypatch.setattr("windtunnel.ledger.open_ledger", lambda: 1 / 0)

    assert inside("history", home=home, monkeypatch=monkeypatch) == ExitCode.INTERNAL_ERROR

    said = capsys.readouterr().err
    assert "Internal error, which is windtunnel's fault: ZeroDivisionError" in said
    assert "Traceback" not in said.replace("The traceback", "")
    assert "ZeroDivisionError" in Path(said.split()[-1]).read_text()


@pytest.mark.parametrize(
    ("error", "status"),
    [(InputError("x"), 2), (TargetError("x"), 2), (LedgerError("x"), 7)],
)
def test_errors_have_the_documented_status(error, status):
    assert entry.exit_code_of(error) == status


def test_a_state_folder_that_cannot_be_made_is_an_error(monkeypatch, capsys):
    assert inside("history", home="/proc/nowhere", monkeypatch=monkeypatch) == 2
    assert "The state folder /proc/nowhere cannot be made" in capsys.readouterr().err


def test_a_table_on_a_terminal_is_cut_to_its_width(monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "12")

    assert columns(("a", "b"), [("1", "a long\nreason")]) == "A  B\n1  a long r…"


def test_a_wide_column_gives_way_before_the_last_one_vanishes():
    assert fitting([20, 60, 100], 80) == [20, 32, 24]
    assert fitting([20, 10, 5], 80) == [20, 10, 5]
    assert fitting([20, 60, 100], 10) == [12, 12, 1]  # nothing sensible fits; the terminal breaks the lines


def test_the_history_fits_a_narrow_terminal(home, monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for width in (60, 80, 120, 200):
        monkeypatch.setenv("COLUMNS", str(width))
        inside("history", home=home, monkeypatch=monkeypatch)

        head, line = re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out).splitlines()
        assert len(line) <= width
        assert ("STARTED" in head, "REASON" in head) == (width >= 120, width == 200)


@pytest.mark.parametrize(
    ("variables", "colored"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colours_are_left_out_where_they_are_not_wanted(monkeypatch, variables, colored):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in ({"TERM": "xterm"} | variables).items():
        monkeypatch.setenv(name, value)

    assert ("\x1b" in heading("x")) == colored
    assert ("\x1b" in columns(("a",), [("passed",)], paint=VERDICT_COLORS)) == colored


@pytest.mark.parametrize(
    ("arguments", "verb"),
    [(["run", "x"], "run"), (["resume"], "resume"), (["rnu"], ""), (["--help"], ""), ([], "")],
)
def test_a_verb_alone_is_loaded_when_it_is_asked_for(arguments, verb):
    assert entry.asked_for(arguments) == verb


@pytest.mark.parametrize("verb", ["", *entry.VERBS])
def test_a_verb_loaded_alone_is_the_same_verb(verb, capsys):
    with pytest.raises(SystemExit):
        entry.build(verb)([verb, "--help"] if verb else ["--help"], prog_name="windtunnel")

    assert f"Usage: windtunnel {verb}" in capsys.readouterr().out


def test_columns_are_as_wide_as_their_widest_cell():
    assert columns(("a", "bb", "c"), [("1", "2", "3"), ("long", "", "end")]) == (
        "A     BB  C\n1     2   3\nlong      end"
    )
