"""`windtunnel history`: the runs of this ledger, the newest first."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from windtunnel.cli.console import AsJson, columns, say
from windtunnel.model.forms import plain, stamp

if TYPE_CHECKING:
    from windtunnel.ledger import RunSummary

Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=100_000, help="How many runs to show.")]
Name = Annotated[str | None, typer.Option("--experiment", "-e", help="Only the runs of this experiment.")]

UNFINISHED = "unfinished"  # it runs still, or its process was lost


def register(app: typer.Typer) -> None:
    """Add the verb to *app*."""
    app.command("history")(history)


def history(limit: Limit = 20, experiment: Name = None, *, as_json: AsJson = False) -> None:
    """List runs with their verdicts, the newest first."""
    from windtunnel.ledger import open_ledger

    with open_ledger() as ledger:
        runs = ledger.runs(limit=limit, experiment=experiment)
    if as_json:
        say(json.dumps([run_form(run) for run in runs], indent=2))
    elif runs:
        say(table(runs))
    else:
        say(f"No runs of {experiment} yet." if experiment else "No runs yet. Start one: windtunnel run FILE")


def run_form(run: "RunSummary") -> dict[str, Any]:
    """Return one line of the history as JSON values."""
    return dict(plain(run))


def table(runs: "Sequence[RunSummary]") -> str:
    """Lay out the history as text."""
    head = ("run", "started", "took", "verdict", "undo", "experiment", "reason")
    return columns(head, [_row(run) for run in runs])


def _row(run: "RunSummary") -> tuple[str, ...]:
    return (
        run.run_id,
        stamp(run.started_at)[:19].replace("T", " ") + "Z",
        _took(run.started_at, run.finished_at),
        str(run.verdict or UNFINISHED),
        str(run.undo or "-"),
        run.experiment,
        run.reason,
    )


def _took(started: datetime, finished: datetime | None) -> str:
    return "-" if finished is None else f"{(finished - started).total_seconds():.0f}s"
