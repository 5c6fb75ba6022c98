"""`windtunnel validate`: check experiment and policy files; exit 2 when one cannot be used."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from windtunnel.cli.console import AsJson, say
from windtunnel.model.verdict import ExitCode

if TYPE_CHECKING:
    from windtunnel.files.checking import CheckedFile

_Files = Annotated[
    list[Path], typer.Argument(metavar="FILE", help="Experiment and policy files, or folders of them.")
]
_Policy = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="One more policy, besides each windtunnel.yaml beside and above."),
]


def register(app: typer.Typer) -> None:
    """Add the verb to *app*."""
    app.command()(validate)


def validate(files: _Files, *, policy: _Policy = None, as_json: AsJson = False) -> None:
    """Check experiment and policy files, without asking any cluster.

    Every mistake is one line: FILE:LINE:COLUMN: key: what is wrong. The exit status is 2 when there is any.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for some takes longer than a file
    from windtunnel.files.checking import check

    checked = list(check(files, policy=policy))
    if as_json:
        say(json.dumps(as_form(checked), indent=2, ensure_ascii=False))
    else:
        for problem in (problem for file in checked for problem in file.problems):
            say(str(problem))
        say(summary(checked))
    if any(file.problems for file in checked):
        raise typer.Exit(ExitCode.UNUSABLE_INPUT)


def summary(checked: Sequence["CheckedFile"]) -> str:
    """Return the last line: how many files of which kind are good, or how many problems there are."""
    bad = [file for file in checked if file.problems]
    if bad:
        found = _count(sum(len(file.problems) for file in bad), "problem")
        return f"{found} in {len(bad)} of {_count(len(checked), 'file')}."
    kinds = [_count(sum(file.kind == kind for file in checked), kind) for kind in ("experiment", "policy")]
    return f"{_count(len(checked), 'file')} checked, no problems ({', '.join(kinds)})."


def as_form(checked: Sequence["CheckedFile"]) -> dict[str, Any]:
    """Return everything as JSON values."""
    from windtunnel.files.problems import printable

    return {
        "ok": not any(file.problems for file in checked),
        "files": [
            {
                "path": printable(file.path),
                "kind": file.kind,
                "name": file.name,
                "problems": [
                    {"line": p.line, "column": p.column, "key": p.key, "message": p.message}
                    for p in file.problems
                ],
            }
            for file in checked
        ],
    }


def _count(number: int, what: str) -> str:
    plural = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{number} {what if number == 1 else plural}"
