"""How a run ended, for people and for programs."""

import json
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import typer

from windtunnel.model.ticket import UndoState
from windtunnel.model.verdict import ExitCode, Judgement
from windtunnel.report.as_json import judgement_form
from windtunnel.report.run_words import recovery_words, verdict_words

FINDINGS_SHOWN = 10

_COLORS = {
    ExitCode.PASSED: typer.colors.GREEN,
    ExitCode.DEVIATED: typer.colors.RED,
    ExitCode.ABORTED: typer.colors.RED,
    ExitCode.UNDO_NOT_CLEAN: typer.colors.RED,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run that is over."""

    run_id: str
    experiment: str
    seed: int
    judgement: Judgement
    ui_url: str = ""
    injected: bool = True  # an injection was begun, whether or not it hit anything


def outcome_json(outcome: Outcome) -> str:
    """Return the one JSON document of `windtunnel run --json`."""
    form: dict[str, Any] = {
        "run_id": outcome.run_id,
        "experiment": outcome.experiment,
        "seed": outcome.seed,
        **judgement_form(outcome.judgement),
        "ui_url": outcome.ui_url,
    }
    return json.dumps(form, indent=2)


def outcome_text(outcome: Outcome, *, color: bool, width: int | None = None) -> str:
    """Return how the run ended as lines; broken between words where a terminal has *width* columns."""
    judgement = outcome.judgement
    verdict = verdict_words(judgement).capitalize()
    paint = _COLORS.get(judgement.exit_code, typer.colors.YELLOW)
    first, *more = _broken(f"{verdict}. {judgement.reason}", width)
    styled = typer.style(verdict, fg=paint, bold=True) if color else verdict
    lines = [styled + first.removeprefix(verdict), *more]
    told = [finding for finding in judgement.findings if finding not in judgement.reason]
    for finding in told[:FINDINGS_SHOWN]:
        lines += _broken(f"  - {finding}", width, margin="    ")
    if len(told) > FINDINGS_SHOWN:
        lines.append(f"  - ... {FINDINGS_SHOWN} of {len(told)}; the report has them all")
    untouched = judgement.undo is UndoState.CLEAN and not outcome.injected
    lines.append(f"Undo      {'nothing to undo' if untouched else judgement.undo}")
    if times := recovery_words(judgement.recovery):
        lines.append(f"Recovery  {times}")
    lines.append(f"Report    windtunnel report {outcome.run_id}")
    if outcome.ui_url:
        lines.append(f"Prefect   {outcome.ui_url}")
    return "\n".join(lines)


def _broken(text: str, width: int | None, *, margin: str = "") -> list[str]:
    if width is None:
        return [text]
    return wrap(text, width, subsequent_indent=margin, break_on_hyphens=False) or [text]
