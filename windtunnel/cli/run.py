"""`windtunnel run FILE`: one experiment now, shown live, its verdict as exit status."""

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from windtunnel.cli.console import AsJson, in_color, note, patience, say
from windtunnel.model.experiment import Experiment
from windtunnel.model.verdict import ExitCode

if TYPE_CHECKING:
    from tasks.request import RunRequest
    from windtunnel.cli.displays import Display
    from windtunnel.cli.outcome import Outcome
    from windtunnel.cli.run_view import RunView
    from windtunnel.ledger import Ledger

File = Annotated[Path, typer.Argument(metavar="FILE", show_default=False, help="The experiment file.")]
PolicyFile = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        metavar="FILE",
        help="One more policy, besides each windtunnel.yaml beside and above the file.",
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed", min=0, max=2**63 - 1, metavar="NUMBER", help="Choose the same victims as an earlier run."
    ),
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show Prefect's log as well.")]


def register(app: typer.Typer) -> None:
    """Add the verb to *app*."""
    app.command("run")(run)


def run(
    file: File,
    policy: PolicyFile = None,
    seed: Seed = None,
    *,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Run one experiment and exit with its verdict.

    Exit status: 0 passed, 1 deviated, 2 unusable input, 3 blocked by a guardrail, 4 inconclusive or not
    tested, 5 aborted, 6 undo not clean, 7 internal error.
    """
    from windtunnel.cli.outcome import outcome_json, outcome_text
    from windtunnel.cli.prefect_server import connect_to_prefect

    experiment, texts = read_files(file, policy)
    with patience("Waiting for the Prefect server ...", quiet=as_json) as tell:
        connect_to_prefect(say=tell)
    _hush(verbose=verbose)
    outcome = _run(experiment, _request(texts, seed), as_json=as_json)
    if as_json:
        say(outcome_json(outcome))
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        say("\n" + outcome_text(outcome, color=in_color(sys.stdout), width=width))
    _leave(outcome.judgement.exit_code)


def _leave(status: ExitCode) -> NoReturn:
    """Exit; without Prefect's goodbye where its server no longer takes anything."""
    from windtunnel.cli.prefect_run import told_in_time

    if not told_in_time():
        note("The Prefect server does not answer: its UI may show this run as unfinished.")
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    raise typer.Exit(status)


def read_files(file: Path, policy_file: Path | None) -> tuple[Experiment, dict[str, Any]]:
    """Check all files before anything is started; return the experiment and the texts that travel."""
    from windtunnel.files import parse_experiment, parse_policy, policy_paths, stacked
    from windtunnel.files.calendar_files import read_calendars
    from windtunnel.files.reading import read_text, refuse_secrets

    text = read_text(file)
    written = [(read_text(path), str(path)) for path in policy_paths(file, given=policy_file)]
    for each in ((text, str(file)), *written):
        refuse_secrets(*each)
    policy = stacked([parse_policy(*each) for each in written])
    experiment = parse_experiment(text, str(file), policy=policy)
    (policy_text, policy_source), *above = written or [("", "")]
    texts = {
        "experiment_text": text,
        "experiment_source": str(file),
        "policy_text": policy_text,
        "policy_source": policy_source,
        "ceilings": tuple({"text": text, "source": source} for text, source in above),
        "calendars": read_calendars(policy.stack),
    }
    return experiment, texts


def _request(texts: dict[str, Any], seed: int | None) -> "RunRequest":
    from tasks.request import RunRequest, new_run_id
    from windtunnel.clock import SystemClock

    return RunRequest(
        **texts, seed=seed, run_id=new_run_id(SystemClock().now()), triggered_by=f"{_user()} (command line)"
    )


def _run(experiment: Experiment, request: "RunRequest", *, as_json: bool) -> "Outcome":
    from windtunnel.cli.following import followed
    from windtunnel.cli.run_view import RunView
    from windtunnel.ledger import open_ledger
    from windtunnel.model.errors import LedgerError

    with open_ledger() as ledger:
        view = RunView(experiment, run_id=request.run_id)
        try:
            with followed(ledger, view, _display(view, as_json=as_json), warn=note):
                from windtunnel.cli.prefect_run import run_flow  # takes a second, which the display fills

                ended = run_flow(request)
            return _outcome(ledger, experiment, request.run_id, ended.error, ended.ui_url)
        except LedgerError:
            where = f" --cluster {experiment.target.cluster}" if experiment.target.cluster else ""
            note(f"Whether run {request.run_id} left anything on the cluster: windtunnel status{where}")
            raise


def _outcome(
    ledger: "Ledger", experiment: Experiment, run_id: str, error: BaseException | None, ui_url: str
) -> "Outcome":
    """Return the verdict on record. What ended the flow without being a verdict is raised."""
    from windtunnel.cli.outcome import Outcome
    from windtunnel.model.judge import judge
    from windtunnel.model.record import EventKind

    recorded = ledger.run(run_id)
    if recorded is None:
        raise _not_begun(error)
    if recorded.exit_code is None:
        raise _not_judged(ledger, run_id, error)
    record = ledger.read(run_id)
    judgement = judge(record, experiment)
    injected = record.first(EventKind.TICKET) is not None
    outcome = Outcome(run_id, experiment.name, recorded.seed, judgement, ui_url, injected)
    if isinstance(error, Exception) and judgement.exit_code is not ExitCode.UNDO_NOT_CLEAN:
        raise error  # an error in windtunnel; only something left behind is worse news
    return outcome


def _not_begun(error: BaseException | None) -> Exception:
    if isinstance(error, Exception):
        return error
    note("Stopped before the run began; nothing was injected.")
    return typer.Exit(ExitCode.ABORTED)


def _not_judged(ledger: "Ledger", run_id: str, error: BaseException | None) -> Exception:
    """Return how to end after a run that has a record but no verdict: a lost ledger, or a second signal."""
    from windtunnel.ledger import TicketState

    left = [stored for stored in ledger.tickets(run_id) if stored.state is not TicketState.UNDONE]
    if left:
        note(f"Run {run_id} ended without a verdict, and its undo is not complete: look at the cluster.")
        return typer.Exit(ExitCode.UNDO_NOT_CLEAN)
    if isinstance(error, Exception):
        return error
    note(f"Run {run_id} ended without a verdict; nothing is left to undo. See: windtunnel report {run_id}")
    return typer.Exit(ExitCode.INTERNAL_ERROR if error is None else ExitCode.ABORTED)


def _display(view: "RunView", *, as_json: bool) -> "Display":
    from windtunnel.cli.displays import LiveDisplay, PlainDisplay

    alive = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    if as_json or not alive:
        return PlainDisplay(view, write=note if as_json else say)
    from rich.console import Console

    return LiveDisplay(view, console=Console(highlight=False))


def _hush(*, verbose: bool) -> None:
    """Keep Prefect's log off the terminal; the server gets it all the same."""
    if not verbose:
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return f"user {os.getuid()}"
