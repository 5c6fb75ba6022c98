"""The application: its verbs, its options, and what every error looks like to the user."""

import importlib
import importlib.util
import os
import sys
from typing import Annotated

import typer

from windtunnel import __version__
from windtunnel.cli.console import complain, say
from windtunnel.model.errors import InputError, TargetError, WindtunnelError
from windtunnel.model.verdict import ExitCode

VERBS = ("run", "validate", "schema", "history", "report", "halt", "demo")  # modules with register(app)
GROUPS = ("lab", "server")  # modules with an app of their own

HELP = """Scheduled, gated, always-undone chaos experiments on Kubernetes.

Start with:  windtunnel lab up,  then  windtunnel run experiments/NAME.yaml
"""


def main() -> None:
    """Run the command line and exit with its status."""
    try:
        build()(prog_name="windtunnel")
    except WindtunnelError as error:
        complain(str(error))
        status = exit_code_of(error)
    except BrokenPipeError:
        status = _quiet_end()
    except Exception as error:  # noqa: BLE001 - the last handler: nobody is shown a traceback
        from windtunnel.cli.crash import save_traceback

        complain(save_traceback(error))
        status = ExitCode.INTERNAL_ERROR
    else:
        status = ExitCode.PASSED
    sys.exit(status)


def build() -> typer.Typer:
    """Make the application with every verb that is there."""
    app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.callback()(_options)
    for verb in VERBS:
        if _exists(verb):
            importlib.import_module(f"windtunnel.cli.{verb}").register(app)
    for group in GROUPS:
        if _exists(group):
            app.add_typer(importlib.import_module(f"windtunnel.cli.{group}").app, name=group)
    return app


def exit_code_of(error: WindtunnelError) -> ExitCode:
    """Return the documented exit status of an error that ended a command."""
    unusable = isinstance(error, InputError | TargetError)
    return ExitCode.UNUSABLE_INPUT if unusable else ExitCode.INTERNAL_ERROR


def _exists(verb: str) -> bool:
    return importlib.util.find_spec(f"windtunnel.cli.{verb}") is not None


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


def _quiet_end() -> ExitCode:
    """Leave without a word when whoever read our output has gone, as `head` does."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter flushes once more
    return ExitCode.PASSED
