"""`windtunnel report RUN`: a run from the ledger as Markdown, JSON or a picture."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from windtunnel.cli.console import note, say
from windtunnel.model.errors import InputError, LedgerError
from windtunnel.model.experiment import Experiment
from windtunnel.model.record import Record
from windtunnel.redaction import redact

if TYPE_CHECKING:
    from windtunnel.ledger import Origin


class Format(StrEnum):
    """What a report can be written as."""

    MARKDOWN = "markdown"
    JSON = "json"


Run = Annotated[str, typer.Argument(metavar="RUN", help="The run's id, the beginning of one, or: last.")]
As = Annotated[Format, typer.Option("--format", "-f", help="What to write.")]
Json = Annotated[bool, typer.Option("--json", help="Short for --format json.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write here instead of to the terminal.")
]
Chart = Annotated[
    Path | None,
    typer.Option("--chart", metavar="FILE", help="Also draw the chart: a file ending in .svg or .png."),
]


def register(app: typer.Typer) -> None:
    """Add the verb to *app*."""
    app.command("report")(report)


def report(
    run: Run = "last",
    form: As = Format.MARKDOWN,
    output: Output = None,
    chart: Chart = None,
    *,
    as_json: Json = False,
) -> None:
    """Show the report of a run.

    It has the verdict, the recovery, the probes, the guardrails, the undo and the timeline, and says how to
    run the same again. On a terminal it is laid out; elsewhere it is Markdown.
    """
    from windtunnel.ledger import open_ledger
    from windtunnel.model.judge import judge

    if chart is not None:
        _check_chart(chart)
    with open_ledger() as ledger:
        found = ledger.find(run)
        record = ledger.read(found.run_id)
        experiment = experiment_of(found.run_id, ledger.origin(found.run_id))
    if chart is not None:
        _draw(record, experiment, chart)
    judgement = judge(record, experiment)
    if as_json or form is Format.JSON:
        from windtunnel.report.as_json import as_json as document

        _write(document(record, judgement), output)
    else:
        from windtunnel.report.markdown import markdown

        _write(markdown(record, judgement, experiment, chart=_beside(output, chart)), output, pretty=True)


def experiment_of(run_id: str, origin: "Origin") -> Experiment:
    """Return the experiment that a run was made from, as its record keeps it.

    Raises:
        LedgerError: the record has none that this version can read.
    """
    from windtunnel.files import parse_experiment

    try:
        return parse_experiment(origin.experiment_text, origin.experiment_source)
    except InputError as error:
        msg = f"The experiment file kept with run {run_id} cannot be read by this version:\n{error}"
        raise LedgerError(msg) from error


def _check_chart(file: Path) -> None:
    if file.suffix.lower() not in {".svg", ".png"}:
        msg = f"--chart {file}: a chart is written to a file that ends in .svg or .png."
        raise InputError(msg)


def _draw(record: Record, experiment: Experiment, file: Path) -> None:
    from windtunnel.report.chart import chart

    picture = chart(record, experiment, form="png" if file.suffix.lower() == ".png" else "svg")
    try:
        file.write_bytes(picture)
    except OSError as error:
        msg = f"--chart {file} cannot be written: {error.strerror}."
        raise InputError(msg) from error
    note(f"Chart written to {file}")


def _beside(report: Path | None, chart: Path | None) -> str:
    """Return the chart's path as the report must name it: relative to the report where that is a file."""
    if chart is None:
        return ""
    return os.path.relpath(chart, report.parent) if report else str(chart)


def _write(text: str, output: Path | None, *, pretty: bool = False) -> None:
    text = redact(text)  # the record may be older than what is known as a secret now
    if output is not None:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            msg = f"--output {output} cannot be written: {error.strerror}."
            raise InputError(msg) from error
        note(f"Report written to {output}")
    elif pretty and sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(text))
    else:
        say(text.rstrip("\n"))
