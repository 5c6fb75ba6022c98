"""`windtunnel plan FILE`: what a run would do and whether it may, without touching anything."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from windtunnel.cli.console import AsJson, patience, say
from windtunnel.cli.run import PolicyFile, Seed, read_files

if TYPE_CHECKING:
    from tasks.look_ahead import Preview

File = Annotated[Path, typer.Argument(metavar="FILE", show_default=False, help="The experiment file.")]


def register(app: typer.Typer) -> None:
    """Add the verb to *app*."""
    app.command("plan")(plan)


def plan(file: File, policy: PolicyFile = None, seed: Seed = None, *, as_json: AsJson = False) -> None:
    """Show what a run would hit and whether it may start now; nothing is changed on any cluster.

    Exit status: 0 it would start, 2 unusable input, 3 a guardrail refuses, 4 the steady state does not hold.
    """
    from windtunnel.cli.plan_view import plan_form, plan_text
    from windtunnel.cli.prefect_server import connect_to_prefect

    experiment, texts = read_files(file, policy)
    with patience("Looking ahead ...", quiet=as_json) as tell:
        connect_to_prefect(say=tell)  # the lever and freezes may be variables of Prefect
        from tasks.request import new_seed

        drawn = new_seed() if seed is None else seed
        preview = _preview(experiment.source, texts, drawn)
    shown = (
        json.dumps(plan_form(preview, seed=drawn), indent=2) if as_json else plan_text(preview, seed=drawn)
    )
    say(shown)
    raise typer.Exit(preview.exit_code)


def _preview(source: str, texts: dict[str, object], seed: int) -> "Preview":
    import random

    from tasks.look_ahead import look_ahead
    from tasks.opening import calendars_of, policy_of
    from tasks.outlook import Outlook
    from tasks.request import RunRequest, new_run_id
    from tasks.secret_values import from_prefect
    from windtunnel.clock import SystemClock
    from windtunnel.files import parse_experiment

    clock = SystemClock()
    request = RunRequest.model_validate({**texts, "run_id": new_run_id(clock.now())})
    policy = policy_of(request)
    experiment = parse_experiment(request.experiment_text, source, policy=policy)
    outlook = Outlook(
        run_id=request.run_id,
        experiment=experiment,
        policy=policy,
        clock=clock,
        rng=random.Random(seed),  # noqa: S311 - chooses victims, keeps no secret
        calendars=calendars_of(request),
        secrets=from_prefect(experiment),
    )
    return look_ahead(outlook)
