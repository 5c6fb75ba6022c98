"""`windtunnel undo RUN`: undo a run's faults by hand."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from windtunnel.cli.console import AsJson, note, say
from windtunnel.cli.halt import Where
from windtunnel.model.verdict import ExitCode

if TYPE_CHECKING:
    from windtunnel.clients.cluster import Cluster

Run = Annotated[
    str, typer.Argument(metavar="RUN", show_default=False, help="The run's id, or its beginning.")
]


def register(app: typer.Typer) -> None:
    """Add the verb to *app*."""
    app.command("undo")(undo)


def undo(run: Run, cluster: Where = "", *, as_json: AsJson = False) -> None:
    """Undo everything that one run has injected, now.

    Made for a run that died, where no janitor watches. One that lives finds its ticket closed, and stops.
    The record of a run that has been silent for a minute gets its end as well, where the ledger is at hand.
    Exit status: 0 all is back, 2 there is no such run on the cluster, 6 something could not be undone.
    """
    from windtunnel.cli.dead_records import close_records
    from windtunnel.cli.place import named_cluster
    from windtunnel.clock import SystemClock
    from windtunnel.faults import load_fault
    from windtunnel.model.forms import plain
    from windtunnel.model.ticket import UndoState
    from windtunnel.undo.sweep import undo_run
    from windtunnel.undo.watch import told

    place = named_cluster(cluster)
    done = undo_run(place, _meant(place, run), clock=SystemClock(), load_fault=load_fault)
    if as_json:
        say(json.dumps([plain(one.report) | {"state": str(one.report.state)} for one in done], indent=2))
    else:
        for one in done:
            say(told(one))
    close_records(place, tell=note)
    if any(one.report.state is not UndoState.CLEAN for one in done):
        raise typer.Exit(ExitCode.UNDO_NOT_CLEAN)


def _meant(place: "Cluster", beginning: str) -> str:
    """Return the one run with open tickets whose id is, or begins with, *beginning*."""
    from windtunnel.clients import tickets
    from windtunnel.model.errors import InputError

    runs = sorted({one.run_id for one in tickets.list_open(place)})
    found = [run for run in runs if run == beginning] or [run for run in runs if run.startswith(beginning)]
    if len(found) == 1 and beginning:
        return found[0]
    there = f"there are open tickets of {', '.join(runs)}" if runs else "there is no open undo ticket at all"
    which = "names several" if len(found) > 1 else "has no open undo ticket"
    msg = f"run {beginning!r} {which} on {place.label}; {there}"
    raise InputError(msg)
