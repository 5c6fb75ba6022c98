"""Which runs have injected on a cluster, when, and what they hit; kept within bounds, and never in silence.

What is left out to stay within the bounds leaves a date behind: before it, anything may have been hit.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from windtunnel.model.forms import from_stamp, stamp

MOST_RUNS = 1000
LARGEST = 600_000  # characters as text; a ConfigMap holds 1 MiB
LONGEST = timedelta(days=400)  # longer than the longest duration that a file can name


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run that injected: when it last did, and the things that it hit."""

    run_id: str
    at: datetime
    hit: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class History:
    """All runs that are known. Of what happened up to *forgotten_until*, some may be missing."""

    runs: tuple[PastRun, ...] = ()
    forgotten_until: datetime | None = None

    def find(self, run_id: str) -> PastRun | None:
        """Return one run, if it injected."""
        return next((run for run in self.runs if run.run_id == run_id), None)

    def without(self, run_id: str) -> "History":
        """Return the history as if *run_id* had not injected."""
        return History(tuple(run for run in self.runs if run.run_id != run_id), self.forgotten_until)

    def including(self, past: PastRun, *, now: datetime) -> "History":
        """Return the history with *past* in it, in the place of what it did before, and within the bounds."""
        runs = sorted((*self.without(past.run_id).runs, past), key=lambda run: run.at)
        sizes = [len(json.dumps(_form(run))) + 2 for run in runs]
        forgotten = self.forgotten_until
        while runs and (len(runs) > MOST_RUNS or sum(sizes) > LARGEST or runs[0].at < now - LONGEST):
            forgotten = max(filter(None, (forgotten, runs.pop(0).at)))
            sizes.pop(0)
        return History(tuple(runs), forgotten)


def history_text(history: History) -> str:
    """Write *history* as JSON."""
    until = history.forgotten_until
    form = {"forgotten_until": stamp(until) if until else None, "runs": [_form(run) for run in history.runs]}
    return json.dumps(form)


def history_of(text: str) -> History:
    """Read what *history_text* wrote.

    Raises:
        ValueError: it is not that, in whole or in part; a part left out would be a run forgotten.
    """
    try:
        form = json.loads(text)
        until = form["forgotten_until"]
        return History(tuple(_runs(form["runs"])), from_stamp(until) if until else None)
    except (KeyError, TypeError, AttributeError) as error:
        msg = f"not a history of runs: {error!r}"
        raise ValueError(msg) from error


def _form(run: PastRun) -> dict[str, Any]:
    return {"run": run.run_id, "at": stamp(run.at), "hit": sorted(run.hit)}


def _runs(forms: list[dict[str, Any]]) -> Iterator[PastRun]:
    for form in forms:
        hit = form["hit"]
        if not (isinstance(hit, list) and all(isinstance(thing, str) for thing in hit)):
            msg = f"not a list of things: {hit!r}"
            raise ValueError(msg)
        yield PastRun(str(form["run"]), from_stamp(form["at"]), frozenset(hit))
