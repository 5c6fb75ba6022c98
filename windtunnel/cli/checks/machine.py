"""This machine: Python, the packages, the state folder and the ledger in it."""

import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from windtunnel.cli.checks.finding import Check, State

LEAST_PYTHON = (3, 11)
_SHOWN = 5


def machine_checks() -> Iterator[Check]:
    """Yield the checks of this machine."""
    yield Check("python", _python)
    yield Check("packages", _packages)
    yield Check("state folder", _state_folder, "set WINDTUNNEL_HOME to a folder you may write to")
    yield Check(
        "ledger", _ledger, "mend it, restore it from a backup, or name another with WINDTUNNEL_LEDGER"
    )


def _python() -> tuple[State, str, str]:
    here = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < LEAST_PYTHON:
        return State.FAIL, f"Python {here}", "install Python 3.11 or later, and windtunnel with it"
    return State.OK, f"Python {here}", ""


def _packages() -> tuple[State, str, str]:
    """Compare what is installed with what windtunnel declares."""
    from packaging.requirements import Requirement

    wrong, count = [], 0
    for line in requires("windtunnel") or ():
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        count += 1
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(installed, prereleases=True):
            wrong.append(f"{requirement.name} {installed} is not {requirement.specifier}")
    if wrong:
        more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        return (
            State.FAIL,
            "; ".join(wrong[:_SHOWN]) + more,
            "install again: pip install -c constraints.txt -e .",
        )
    return State.OK, f"{count} packages within their ranges", ""


def _state_folder() -> tuple[State, str, str]:
    from windtunnel.clients.home import state_folder

    folder = state_folder()
    probe = folder / ".doctor"
    try:
        probe.write_text("", encoding="utf-8")
        probe.unlink()
    except OSError as error:
        return (
            State.FAIL,
            f"{folder} cannot be written to: {error.strerror}",
            "set WINDTUNNEL_HOME to another",
        )
    return State.OK, str(folder), ""


def _ledger() -> tuple[State, str, str]:
    from windtunnel.ledger import open_ledger

    with open_ledger() as ledger:
        last = ledger.runs(limit=1, experiment=None)
    found = f"the last run is {last[0].run_id}" if last else "no runs yet"
    return State.OK, f"{ledger.name} opens; {found}", ""
