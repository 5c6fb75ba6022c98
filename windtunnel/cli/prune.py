"""`windtunnel history prune`: remove old runs from the ledger."""

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from windtunnel.cli.console import AsJson, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windtunnel.ledger import RunSummary

LONGEST_S = 3660 * 86400.0
OlderThan = Annotated[
    str, typer.Option("--older-than", metavar="DURATION", help="Remove runs that ended longer ago, as 90d.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell which runs would be removed.")]


def prune(older_than: OlderThan, *, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Remove old runs from the ledger, each with its whole record.

    A run that has not ended, or that left something to undo, stays however old it is.
    """
    from windtunnel.clock import SystemClock
    from windtunnel.ledger import open_ledger

    before = SystemClock().now() - timedelta(seconds=_seconds(older_than))
    with open_ledger() as ledger:
        if dry_run:
            runs, freed = ledger.prunable(before), None
        else:
            runs, freed = ledger.prune(before)
    if as_json:
        form = {"removed": not dry_run, "runs": [run.run_id for run in runs], "freed_bytes": freed}
        say(json.dumps(form, indent=2))
    else:
        say(_told(runs, older_than, dry_run=dry_run, freed=freed))


def _seconds(text: str) -> float:
    from windtunnel.model.duration import parse_duration
    from windtunnel.model.errors import InputError

    try:
        return parse_duration(text, longest_s=LONGEST_S)
    except ValueError as error:
        msg = f"--older-than: {error}"
        raise InputError(msg) from error


def _told(runs: "Sequence[RunSummary]", older_than: str, *, dry_run: bool, freed: int | None) -> str:
    if not runs:
        return f"No run that ended more than {older_than} ago can be removed."
    done = "Would remove" if dry_run else "Removed"
    count = f"{len(runs)} run{'s' if len(runs) > 1 else ''}"
    ends = [run.finished_at.date().isoformat() for run in runs if run.finished_at]
    space = "" if freed is None else f"; the file is {freed / 1e6:.1f} MB shorter"
    return f"{done} {count} that ended from {ends[0]} to {ends[-1]}{space}."
