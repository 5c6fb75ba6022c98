"""`windtunnel schema`: print the JSON Schema that editors use."""

import json
from enum import StrEnum
from typing import Annotated

import typer

from windtunnel.cli.console import say


class FileKind(StrEnum):
    """The files that have a schema."""

    EXPERIMENT = "experiment"
    POLICY = "policy"


def register(app: typer.Typer) -> None:
    """Add the verb to *app*."""
    app.command()(schema)


def schema(
    kind: Annotated[FileKind, typer.Argument(metavar="KIND", help="Which file.")] = FileKind.EXPERIMENT,
) -> None:
    """Print the JSON Schema (2020-12) of a file, for editors.

    Save it and name it in the first line of a file: # yaml-language-server: $schema=experiment.schema.json
    """
    from windtunnel.files.schema import experiment_schema, policy_schema

    document = experiment_schema() if kind is FileKind.EXPERIMENT else policy_schema()
    say(json.dumps(document, indent=2, ensure_ascii=False))
