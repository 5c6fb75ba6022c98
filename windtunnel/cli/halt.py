"""`windtunnel halt` and `windtunnel release`: the safety lever of a cluster."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from windtunnel.cli.console import AsJson, say

if TYPE_CHECKING:
    from windtunnel.clients.cluster import Cluster

Reason = Annotated[
    str, typer.Option("--reason", "-r", metavar="TEXT", help="Why; every run that it stops tells it.")
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
    app.command("release")(release)


def halt(reason: Reason, cluster: Where = "", *, as_json: AsJson = False) -> None:
    """Stop all experiments of a cluster, and refuse new ones.

    Running ones are undone at once. New ones are refused until `windtunnel release`.
    """
    from windtunnel.clients import halt as lever
    from windtunnel.clock import SystemClock
    from windtunnel.model.errors import InputError

    if not reason.strip():
        msg = "--reason is empty; say in a few words why, for those whose runs it stops"
        raise InputError(msg)
    asked = _connect(cluster)
    pulled = lever.pull(asked, reason=reason.strip(), by=_who(), now=SystemClock().now())
    if as_json:
        fields = {"pulled": True, "reason": pulled.reason, "by": pulled.by, "at": pulled.at}
        say(json.dumps(fields | {"cluster": asked.label}, indent=2))
    else:
        say(f"Halted on {asked.label}: {pulled}")
        again = "windtunnel release" + (f" --cluster {cluster}" if cluster else "")
        say(f"Running experiments stop and undo now; let new ones start again with `{again}`.")


def release(cluster: Where = "", *, as_json: AsJson = False) -> None:
    """Let experiments run again on a cluster."""
    from windtunnel.clients import halt as lever

    asked = _connect(cluster)
    was_pulled = lever.release(asked)
    if as_json:
        say(json.dumps({"pulled": False, "was_pulled": was_pulled, "cluster": asked.label}, indent=2))
    elif was_pulled:
        say(f"Released on {asked.label}: experiments may run again.")
    else:
        say(f"Nothing to release on {asked.label}: the lever was not pulled.")


def _connect(name: str) -> "Cluster":
    from windtunnel.clients.cluster import connect
    from windtunnel.clients.installation import cluster_entry
    from windtunnel.files import find_policy, load_policy
    from windtunnel.model.policy import Policy

    # Without a name no file is read: a broken one must not stand between somebody and the lever.
    policy = load_policy(find_policy(Path.cwd())) if name else Policy()
    return connect(cluster_entry(policy, name))


def _who() -> str:
    import getpass
    import platform

    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        user = "unknown"
    return f"{user}@{platform.node()}"
