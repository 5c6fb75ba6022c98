"""`windtunnel history`: the runs of this ledger, the newest first; `history prune` removes old ones."""

import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from windtunnel.cli.console import VERDICT_COLORS, AsJson, columns, say
from windtunnel.cli.prune import prune
from windtunnel.model.forms import plain, stamp

if TYPE_CHECKING:
    from windtunnel.ledger import RunSummary

Limit = Annotated[
    int, typer.Option("--limit", "-n", min=1, max=100_000, metavar="NUMBER", help="How many runs to show.")
]
Name = Annotated[
    str | None, typer.Option("--experiment", "-e", metavar="NAME", help="Only the runs of this experiment.")
]

UNFINISHED = "unfinished"  # it runs still, or its process was lost
FROM_WIDTH = {"started": 100, "reason": 140}  # what a narrower terminal does without


app = typer.Typer(invoke_without_command=True)
app.command("prune")(prune)


@app.callback()
def history(
    context: typer.Context, limit: Limit = 20, experiment: Name = None, *, as_json: AsJson = False
) -> None:
    """List runs with their verdicts, the newest first; `prune` removes old ones."""
    from windtunnel.ledger import open_ledger

    if context.invoked_subcommand:
        return
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
    """Lay out the history as text; a narrow terminal does without what the id and the report tell as well."""
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else max(FROM_WIDTH.values())
    kept = [name for name in COLUMNS if room >= FROM_WIDTH.get(name, 0)]
    cells = [[COLUMNS[name](run) for name in kept] for run in runs]
    return columns(kept, cells, paint=VERDICT_COLORS)


def _took(started: datetime, finished: datetime | None) -> str:
    return "-" if finished is None else f"{(finished - started).total_seconds():.0f}s"


COLUMNS: Mapping[str, "Callable[[RunSummary], str]"] = {
    "run": lambda run: run.run_id,
    "started": lambda run: stamp(run.started_at)[:19].replace("T", " ") + "Z",
    "took": lambda run: _took(run.started_at, run.finished_at),
    "verdict": lambda run: str(run.verdict or UNFINISHED).replace("_", " "),
    "undo": lambda run: str(run.undo or "-"),
    "experiment": lambda run: run.experiment,
    "reason": lambda run: run.reason,
}
