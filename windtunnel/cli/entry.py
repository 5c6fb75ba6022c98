"""The application: its verbs, its options, and what every error looks like to the user."""

import atexit
import gc
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from windtunnel import __version__
from windtunnel.cli.console import complain, let_go_of, say
from windtunnel.model.errors import InputError, TargetError, WindtunnelError
from windtunnel.model.verdict import ExitCode
from windtunnel.redaction import learn_environment

VERBS = {  # the module of each; in the order of the help
    "run": "run",
    "plan": "plan",
    "validate": "validate",
    "schema": "schema",
    "rbac": "rbac",
    "doctor": "doctor",
    "history": "history",
    "report": "report",
    "status": "status",
    "undo": "undo",
    "janitor": "janitor",
    "serve": "serve",
    "halt": "halt",
    "resume": "halt",
    "demo": "demo",
    "lab": "lab",
    "server": "server",
}

RARELY = 20_000  # new objects between two looks for garbage: loading code makes many, and hardly any garbage

HELP = """Scheduled, gated, always-undone chaos experiments on Kubernetes.

Start with:  windtunnel lab up,  then  windtunnel run experiments/NAME.yaml
"""


def main() -> None:
    """Run the command line and exit with its status."""
    gc.set_threshold(RARELY)
    learn_environment(os.environ)
    atexit.register(gc.freeze)  # or the interpreter, ending, looks through all of Prefect: most of a second
    try:
        build(asked_for(sys.argv[1:]))(prog_name="windtunnel")
    except WindtunnelError as error:
        complain(str(error))
        status = exit_code_of(error)
    except BrokenPipeError:
        let_go_of(sys.stdout)
        status = ExitCode.PASSED
    except Exception as error:  # noqa: BLE001 - the last handler: nobody is shown a traceback
        from windtunnel.cli.crash import save_traceback

        complain(save_traceback(error))
        _flush()
        status = ExitCode.INTERNAL_ERROR
    else:
        status = ExitCode.PASSED
    sys.exit(status)


def asked_for(arguments: Sequence[str]) -> str:
    """Return the verb that *arguments* begin with; empty where they begin with something else."""
    return arguments[0] if arguments and arguments[0] in VERBS else ""


def build(verb: str = "") -> typer.Typer:
    """Make the application: with every verb, or with one alone, which starts much faster."""
    app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.callback()(_options)
    for name in dict.fromkeys([VERBS[verb]] if verb else VERBS.values()):
        module = importlib.import_module(f"windtunnel.cli.{name}")
        if hasattr(module, "register"):
            module.register(app)
        else:  # a group of verbs
            app.add_typer(module.app, name=name)
    return app


def exit_code_of(error: WindtunnelError) -> ExitCode:
    """Return the documented exit status of an error that ended a command."""
    unusable = isinstance(error, InputError | TargetError)
    return ExitCode.UNUSABLE_INPUT if unusable else ExitCode.INTERNAL_ERROR


def _flush() -> None:
    """Write out what is left, so that a full disk cannot change the exit status at the very end."""
    try:
        sys.stdout.flush()
    except OSError:  # it is what went wrong, and has been told
        let_go_of(sys.stdout)


def _show_version(asked: bool) -> None:  # noqa: FBT001 - typer calls it with the option's value
    if asked:
        say(f"windtunnel {__version__}")
        raise typer.Exit


def _options(
    *,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version.")
    ] = False,
) -> None:
    """Take the options of the whole application; its help text is HELP."""
