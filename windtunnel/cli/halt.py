"""`windtunnel halt` and `windtunnel resume`: the safety lever, in both of its places."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from windtunnel.cli.console import AsJson, note, say
from windtunnel.model.verdict import ExitCode

if TYPE_CHECKING:
    from windtunnel.cli.lever import Outcome

Reason = Annotated[
    str, typer.Option("--reason", "-r", metavar="TEXT", help="Why; every run that it stops tells it.")
]
Until = Annotated[
    str,
    typer.Option(
        "--until", metavar="TIME", help="Release it by itself: 2h, or 2026-12-01T10:00 in the policy's zone."
    ),
]
Where = Annotated[
    str,
    typer.Option(
        "--cluster",
        "-c",
        metavar="NAME",
        help="A cluster of windtunnel.yaml, or lab. Default: the kube context.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add both verbs to *app*."""
    app.command("halt")(halt)
    app.command("resume")(resume)


def halt(reason: Reason, until: Until = "", cluster: Where = "", *, as_json: AsJson = False) -> None:
    """Stop all experiments, and refuse new ones.

    The lever is pulled on the cluster (a config map) and on the Prefect server (a variable, which stops the
    runs on all of its clusters); one place is enough. Running experiments are undone at once; new ones are
    refused until `windtunnel resume`.
    """
    from windtunnel.cli.lever import Lever, moment
    from windtunnel.model.errors import InputError

    if not reason.strip():
        msg = "--reason is empty; say in a few words why, for those whose runs it stops"
        raise InputError(msg)
    lever = Lever(cluster)
    outcome = lever.pull(reason.strip(), until=moment(until, lever.policy.timezone) if until else None)
    if as_json:
        say(json.dumps(outcome.form(), indent=2))
    else:
        for place in outcome.done:
            say(f"Halted on {place}: {outcome.words}")
        again = "windtunnel resume" + (f" --cluster {cluster}" if cluster else "")
        if outcome.done:
            say(f"Running experiments stop and undo now; let new ones start again with `{again}`.")
        if outcome.untouched:
            note(f"Not touched: {outcome.untouched}.")
    _leave(outcome.failed, enough=bool(outcome.done))


def resume(cluster: Where = "", *, as_json: AsJson = False) -> None:
    """Let experiments run again: release the lever in both of its places."""
    from windtunnel.cli.lever import Lever

    outcome = Lever(cluster).release()
    if as_json:
        say(json.dumps(outcome.form(), indent=2))
    else:
        say(_released(outcome))
        if outcome.untouched:
            note(f"Not touched: {outcome.untouched}.")
    _leave(outcome.failed, enough=not outcome.failed)


def _released(outcome: "Outcome") -> str:
    if outcome.failed:
        done = f"Released on {' and '.join(outcome.done)} alone" if outcome.done else "Released nowhere"
        return f"{done}: experiments do not run again yet."
    if outcome.done:
        return f"Released on {' and '.join(outcome.done)}: experiments may run again."
    return f"Nothing to release on {' and '.join(outcome.idle)}: the lever was not pulled."


def _leave(failed: dict[str, str], *, enough: bool) -> None:
    for place, why in failed.items():
        note(f"Not on {place}: {why}")
    if not enough:
        raise typer.Exit(ExitCode.INTERNAL_ERROR)
