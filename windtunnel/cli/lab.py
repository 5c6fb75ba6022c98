"""`windtunnel lab`: the embedded cluster with its shop, metrics and recorder."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

import typer

from windtunnel.cli.console import AsJson, heading, in_color, note, patience, say
from windtunnel.clients.home import state_folder
from windtunnel.model.errors import WindtunnelError

app = typer.Typer(
    no_args_is_help=True,
    help="The embedded lab: a cluster with a shop, on this machine.\n\n"
    "It has a Kubernetes API, pods that are real processes, Prometheus, customers, and a recorder for Slack.",
)

Replicas = Annotated[
    int, typer.Option(min=1, max=50, metavar="NUMBER", help="Pods of each of the shop's services.")
]
Nodes = Annotated[int, typer.Option(min=1, max=20, metavar="NUMBER", help="Worker nodes.")]
Rate = Annotated[
    float, typer.Option(min=0, max=2000, metavar="NUMBER", help="Requests a second that customers send.")
]
Engine = Annotated[
    Literal["embedded", "real"],
    typer.Option(help="The embedded metrics engine, or the program prometheus where it is installed."),
]
Program = Annotated[
    str, typer.Option(metavar="PATH", help="Path of the program prometheus; by default the one on PATH.")
]

ADDRESSES = (
    ("Shop", "shop"),
    ("Kubernetes API", "api"),
    ("kubeconfig", "kubeconfig"),
    ("Prometheus", "prometheus"),
    ("Slack recorder", "recorder"),
    ("Slack API", "slack_api"),
    ("PagerDuty", "pagerduty"),
    ("Alertmanager", "alertmanager"),
    ("Logs", "logs"),
)


@app.command()
def up(
    *,
    replicas: Replicas = 3,
    nodes: Nodes = 3,
    rate: Rate = 20.0,
    prometheus: Engine = "embedded",
    prometheus_program: Program = "",
    as_json: AsJson = False,
) -> None:
    """Start the lab, or show the one that runs already."""
    from infra.lab.state import LabFolder
    from infra.lab.up import up as start

    if LabFolder(state_folder()).holder() is not None:
        note(
            "The lab runs already and stays as it is; for other options: windtunnel lab down, then up again."
        )
    with _lab_errors(), patience("Starting the lab ...", quiet=as_json):
        lab = start(
            state_folder(),
            replicas=replicas,
            nodes=nodes,
            rate=rate,
            prometheus=prometheus,
            prometheus_program=prometheus_program,
        )
    if as_json:
        say(json.dumps(lab, indent=2))
        return
    _show(lab)
    say(f"\nTry:  kubectl --kubeconfig {lab['kubeconfig']} get pods -n shop")
    say("      windtunnel run experiments/checkout-survives-pod-loss.yaml")


@app.command()
def down(*, as_json: AsJson = False) -> None:
    """Stop the lab and every process of it.

    Works as well after the lab's main process was killed.
    """
    from infra.lab.down import down as stop

    with _lab_errors(), patience("Stopping the lab ...", quiet=as_json):
        stopped = stop(state_folder())
    if as_json:
        say(json.dumps({"ran": stopped.ran, "killed": list(stopped.killed)}))
        return
    say("The lab is down; no process is left." if stopped.ran else "No lab was running.")
    if stopped.killed:
        note(f"{len(stopped.killed)} processes had to be killed.")


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """Show the lab's addresses and how it is doing.

    Exits with 1 when it does not run.
    """
    from infra.lab.status import status as look

    with _lab_errors():
        lab = look(state_folder())
    if as_json:
        say(json.dumps(lab, indent=2))
    elif lab["running"]:
        _show(lab)
        _show_health(lab)
    else:
        say("The lab is not running. Start it with: windtunnel lab up")
        for problem in lab["problems"]:
            note(f"But {problem}.")
    if not lab["running"]:
        raise typer.Exit(1)


def _show(lab: dict[str, Any]) -> None:
    for title, key in ADDRESSES:
        if lab.get(key):
            say(_row(title, str(lab[key])))


def _show_health(lab: dict[str, Any]) -> None:
    pods = [
        f"{name} {_share(counts['ready'], counts['wanted'])}"
        for name, counts in sorted(lab["workloads"].items())
    ]
    say(_row("Pods ready", ", ".join(pods)))
    say(_row("Memory", f"{lab['memory_mb']['pss']:.0f} MB in {lab['processes']} processes"))
    for problem in lab["problems"]:
        say(_row("Problem", problem))


def _row(title: str, text: str) -> str:
    return f"{heading(f'{title:<15}')} {text}"


def _share(ready: int, wanted: int) -> str:
    color = typer.colors.GREEN if ready >= wanted else typer.colors.RED
    text = f"{ready} of {wanted}"
    return typer.style(text, fg=color) if in_color(sys.stdout) else text


@contextmanager
def _lab_errors() -> Iterator[None]:
    """Turn the lab's own errors into windtunnel's, so that they are shown as a sentence."""
    from infra.lab.state import LabError

    try:
        yield
    except LabError as error:
        raise WindtunnelError(str(error)) from error
