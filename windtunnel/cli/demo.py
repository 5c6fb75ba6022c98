"""`windtunnel demo`: the main job on this machine, with nothing else needed."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from windtunnel.cli.console import columns, note, say
from windtunnel.clients import installation
from windtunnel.clients.home import state_folder
from windtunnel.model.errors import InputError
from windtunnel.model.verdict import ExitCode, Verdict

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
Once = Annotated[bool, typer.Option("--once", help="Exit after the runs instead of waiting.")]


@dataclass(frozen=True, slots=True)
class Scene:
    """One experiment of the demo and what it is known to find."""

    file: str
    expected: Verdict
    tells: str


SCENES = (
    Scene(
        "checkout-survives-pod-loss.yaml",
        Verdict.PASSED,
        "Checkout loses a pod. The front end asks another one, so nobody should notice.",
    ),
    Scene(
        "catalog-survives-pod-loss.yaml",
        Verdict.DEVIATED,
        "Catalog loses a pod. Its replacement says it is ready before it is: this should show.",
    ),
)


def register(app: typer.Typer) -> None:
    """Add the verb to *app*."""
    app.command("demo")(demo)


def demo(*, once: Once = False) -> None:
    """Start the lab and Prefect, run two experiments, and show what they found."""
    with _stage() as (lab, prefect_ui):
        runs = [_play(scene, number) for number, scene in enumerate(SCENES, start=1)]
        as_expected = [run["verdict"] == scene.expected for run, scene in zip(runs, SCENES, strict=True)]
        say(_summary(runs, lab, prefect_ui))
        if not once:
            _wait()
    if not all(as_expected):
        note("The demo did not find what it should; see the reports above.")
        raise typer.Exit(ExitCode.INTERNAL_ERROR)


@contextmanager
def _stage() -> Iterator[tuple[dict[str, Any], str]]:
    """Start lab and Prefect server side by side; take down at the end whatever was started here."""
    from concurrent.futures import ThreadPoolExecutor

    from infra.lab.down import down
    from infra.lab.up import up
    from windtunnel.cli.prefect_server import standing_server, start_server, stop_server

    home = state_folder()
    lab_was_up, server_was_up = installation.running_lab() is not None, standing_server() is not None
    note("Starting the lab (a cluster and a shop, in processes) and a Prefect server ...")
    try:
        with ThreadPoolExecutor(max_workers=2) as pool:
            starting = pool.submit(start_server)
            lab = up(home)
            server = starting.result()
        note(f"The shop is open at {lab['shop']}, Prefect at {server.ui}.\n")
        yield lab, server.ui
    finally:
        if not lab_was_up:
            down(home)
        if not server_was_up:
            stop_server()


def _play(scene: Scene, number: int) -> dict[str, Any]:
    """Run one scene as a user would, and return its line of the history."""
    file = EXPERIMENTS / scene.file
    if not file.is_file():
        msg = f"{file} is not there; the demo runs from a clone of the repository"
        raise InputError(msg)
    say(f"{number}. {scene.tells}\n   $ windtunnel run experiments/{scene.file}\n")
    _windtunnel("run", str(file), capture=False)
    say("")
    return dict(json.loads(_windtunnel("history", "--limit", "1", "--json"))[0])


def _summary(runs: Sequence[dict[str, Any]], lab: dict[str, Any], prefect_ui: str) -> str:
    rows = []
    for run, scene in zip(runs, SCENES, strict=True):
        report = state_folder() / "reports" / f"{run['run_id']}.md"
        report.parent.mkdir(parents=True, exist_ok=True)
        _windtunnel("report", run["run_id"], "--output", str(report))
        rows.append((run["experiment"], run["verdict"], scene.expected, run["undo"], str(report)))
    shown = [f"  {line}" for line in _slack_lines(lab["recorder"] + "/messages.json")]
    return "\n".join(
        (
            columns(("experiment", "verdict", "expected", "undo", "report"), rows),
            "\nTold to Slack (here: to the lab's recorder):",
            *shown,
            f"\nPrefect UI       {prefect_ui}",
            f"Slack messages   {lab['recorder']}",
            f"The shop         {lab['shop']}",
            f"kubectl          kubectl --kubeconfig {lab['kubeconfig']} get pods -A",
        )
    )


def _slack_lines(address: str) -> list[str]:
    from urllib.request import urlopen

    with urlopen(address, timeout=5) as answer:  # noqa: S310 - the lab's own address on loopback
        messages = json.load(answer)
    return [("    " if message["thread_ts"] else "") + message["text"] for message in messages["slack"]]


def _windtunnel(*arguments: str, capture: bool = True) -> str:
    """Run a verb in a process of its own, as the user would."""
    command = [sys.executable, "-m", "windtunnel.cli", *arguments]
    done = subprocess.run(command, check=capture, text=True, stdout=subprocess.PIPE if capture else None)
    return done.stdout or ""


def _wait() -> None:
    say("\nLook around; everything is stopped with Ctrl-C.")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        note("\nStopping ...")
