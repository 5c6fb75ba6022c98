"""`windtunnel doctor`: is everything there that runs need, and how to mend what is not."""

import importlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from windtunnel.cli.console import AsJson, columns, patience, say
from windtunnel.model.verdict import ExitCode

if TYPE_CHECKING:
    from windtunnel.cli.checks.finding import Check, Finding

Where = Annotated[
    str,
    typer.Option(
        "--cluster",
        "-c",
        metavar="NAME",
        help="Check this cluster alone. Default: all that the policy names.",
    ),
]
AT_ONCE = 8
# What the checks load when first used, and what breaks when several threads are the first to load it.
LOADED_BEFORE = ("guardrails", "requests", "kubernetes.client", "prometheus_api_client.prometheus_connect")
_PAINT = {"ok": "green", "warn": "yellow", "fail": "red"}


def register(app: typer.Typer) -> None:
    """Add the verb to *app*."""
    app.command("doctor")(doctor)


def doctor(cluster: Where = "", *, as_json: AsJson = False) -> None:
    """Check this installation, and say how to mend what is not well.

    Looks at Python and its packages, the state folder, the Prefect server, the policy, each cluster,
    Prometheus, Slack, PagerDuty and Alertmanager. Exit status: 0 when nothing failed, 2 when something did.
    """
    from windtunnel.cli.checks.finding import State

    with patience("Looking ...", quiet=as_json):
        findings = _look(_checks(cluster))
    if as_json:
        form = [{"check": f.check, "state": f.state, "found": f.found, "remedy": f.remedy} for f in findings]
        say(json.dumps(form, indent=2))
    else:
        say(_text(findings))
    if any(finding.state is State.FAIL for finding in findings):
        raise typer.Exit(ExitCode.UNUSABLE_INPUT)


def _look(checks: "Sequence[Check]") -> "list[Finding]":
    from windtunnel.cli.checks.finding import without_echoes

    for name in LOADED_BEFORE:
        importlib.import_module(name)
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        asked = [pool.submit(copy_context().run, check.made) for check in checks]
    return without_echoes(checks, [found.result() for found in asked])


def _checks(cluster: str) -> "list[Check]":
    from windtunnel.cli.checks.cluster import cluster_checks
    from windtunnel.cli.checks.finding import Check, State
    from windtunnel.cli.checks.machine import machine_checks
    from windtunnel.cli.checks.outside import outside_checks
    from windtunnel.cli.checks.prefect import prefect_checks
    from windtunnel.clients.installation import LAB, running_lab
    from windtunnel.files import load_policies, policy_paths
    from windtunnel.model.errors import InputError
    from windtunnel.model.policy import Policy

    policy, broken = Policy(), ""
    try:
        policy = load_policies(Path.cwd())
    except InputError as error:
        broken = str(error).splitlines()[0]

    def look_at_policy() -> tuple[State, str, str]:
        if broken:
            return State.FAIL, broken, "no run starts under a policy that cannot be read; mend that line"
        named = ", ".join(str(path) for path in policy_paths(Path.cwd()))
        return State.OK, named or "none here; the built-in rules hold", ""

    lab = [LAB] if running_lab() is not None and LAB not in policy.clusters else []
    names = [cluster] if cluster else [*policy.clusters, *lab] or [""]
    checks = [*machine_checks(), *prefect_checks(), Check("policy", look_at_policy)]
    for name in names:
        checks += cluster_checks(policy, name)
    return [*checks, *outside_checks(policy, lab=LAB in names)]


def _text(findings: "Sequence[Finding]") -> str:
    table = columns(
        ("check", "state", "found"), [(f.check, f.state, f.found) for f in findings], paint=_PAINT
    )
    ill = [f for f in findings if f.state in {"warn", "fail"} and f.remedy]
    remedies = [f"{f.check}: {f.found}\n    {f.remedy}" for f in ill]
    return "\n".join([table, *(["", "To mend:", *remedies] if remedies else [])])
