"""`windtunnel demo`: the main job on this machine, with nothing else needed."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from windtunnel.cli.console import heading, note, patience, say
from windtunnel.clients.home import state_folder
from windtunnel.model.errors import InputError
from windtunnel.model.verdict import ExitCode, Verdict

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
BUSY_WITHIN_S = 30.0  # for customers to come, once the shop is open
LOOK_AGAIN_S = 0.5
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
    """Show all of it on this machine: two experiments in a lab.

    Starts the lab and a Prefect server, runs an experiment that passes and one that finds a real weakness,
    and shows the verdicts, the messages and where to look. What was started is stopped again at the end.
    """
    from windtunnel.cli.demo_ending import Found, addresses, ending

    with _stage() as (lab, prefect_ui):
        found = [Found(_play(scene, number), scene.expected) for number, scene in enumerate(SCENES, start=1)]
        say(ending(found, recorder=lab["recorder"]))
        if not once:
            say("\n" + addresses(lab, prefect_ui))
            _wait()
    if not all(each.is_as_expected for each in found):
        raise typer.Exit(ExitCode.INTERNAL_ERROR)


@contextmanager
def _stage() -> Iterator[tuple[dict[str, Any], str]]:
    """Start lab and Prefect server side by side; take down at the end whatever was started here."""
    from concurrent.futures import ThreadPoolExecutor

    from infra.lab.down import down
    from infra.lab.up import up
    from windtunnel.cli.prefect_server import standing_server, start_server, stop_server
    from windtunnel.clients import installation

    home = state_folder()
    lab_was_up, server_was_up = installation.running_lab() is not None, standing_server() is not None
    waiting = (
        "Starting a lab (a cluster with a shop, in processes) and a Prefect server: about 15 seconds ..."
    )
    try:
        with _step(waiting), ThreadPoolExecutor(max_workers=2) as pool:
            starting = pool.submit(start_server)
            lab = up(home)
            server = starting.result()
        with _step("The shop opens; waiting until there are enough customers for an experiment ..."):
            _until_busy(lab["prometheus"])
        note(f"The shop is open at {lab['shop']}, Prefect at {server.ui}.\n")
        yield lab, server.ui
    finally:
        with _step("Stopping what the demo started ..."):
            if not lab_was_up:
                down(home)
            if not server_was_up:
                stop_server()


@contextmanager
def _step(text: str) -> Iterator[None]:
    """Say what is waited for: with a sign of life on a terminal, else as a line."""
    if not sys.stderr.isatty():
        note(text)
    with patience(text):
        yield


def _until_busy(prometheus: str) -> None:
    """Wait, bounded, until the traffic that the scenes ask for is there; then their baselines can hold."""
    from windtunnel.clients.prometheus import one_number
    from windtunnel.clock import SystemClock
    from windtunnel.files import load_experiment
    from windtunnel.model.errors import ProbeError
    from windtunnel.model.experiment import PrometheusProbe, Role

    clock = SystemClock()
    until = clock.monotonic() + BUSY_WITHIN_S
    for probe in (probe for scene in SCENES for probe in load_experiment(_file(scene)).steady_state):
        if probe.role is not Role.LOAD or not isinstance(look := probe.look, PrometheusProbe):
            continue
        busy = False
        while not busy and clock.monotonic() < until:
            clock.wait(LOOK_AGAIN_S)
            with suppress(ProbeError):  # no data yet; a run says so itself if it stays like that
                busy = look.expect.holds(one_number(prometheus, look.query, timeout_s=2.0))


def _file(scene: Scene) -> Path:
    file = EXPERIMENTS / scene.file
    if not file.is_file():
        msg = f"{file} is not there; the demo runs from a clone of the repository"
        raise InputError(msg)
    return file


def _play(scene: Scene, number: int) -> dict[str, Any]:
    """Run one scene as a user would, and return its line of the history."""
    from windtunnel.cli.demo_ending import windtunnel

    file = _file(scene)
    say(heading(f"{number}. {scene.tells}"))
    say(f"   $ windtunnel run experiments/{scene.file}\n")
    subprocess.run([sys.executable, "-m", "windtunnel.cli", "run", str(file)], check=False)
    say("")
    return dict(json.loads(windtunnel("history", "--limit", "1", "--json"))[0])


def _wait() -> None:
    say("\nLook around. Ctrl-C ends the demo.")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        note("")
