"""What the demo shows when its runs are over."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

from windtunnel.cli.console import VERDICT_COLORS, columns, heading, shorten_to_terminal
from windtunnel.clients.home import state_folder
from windtunnel.model.errors import WindtunnelError
from windtunnel.model.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Found:
    """One run of the demo, as the history has it, and what it is known to find."""

    run: dict[str, Any]
    expected: Verdict

    @property
    def is_as_expected(self) -> bool:
        """Say whether it found that, and was undone."""
        return bool(self.run["verdict"] == self.expected and self.run["undo"] == "clean")


def ending(found: Sequence[Found], *, recorder: str) -> str:
    """Return verdicts, messages and reports."""
    rows = [(each.run["experiment"], each.run["verdict"], each.expected, each.run["undo"]) for each in found]
    good = all(each.is_as_expected for each in found)
    title = "Both runs found what they should" if good else "The runs did NOT find what they should"
    return "\n".join(
        (
            heading(title),
            columns(("experiment", "verdict", "expected", "undo"), rows, paint=VERDICT_COLORS),
            "",
            heading("Slack was told (here: the lab's recorder)"),
            *messages(_told(recorder), [each.run["run_id"] for each in found]),
            "",
            heading("Reports"),
            *(f"  {_report(each.run['run_id'])}" for each in found),
        )
    )


def addresses(lab: dict[str, Any], prefect_ui: str) -> str:
    """Return where to look."""
    program = _program()
    rows = [
        ("Prefect UI", prefect_ui),
        ("Slack messages", lab["recorder"]),
        ("The shop", lab["shop"]),
        ("A report", f"{program} report last"),
        ("All runs", f"{program} history"),
    ]
    if shutil.which("kubectl"):
        rows.append(("The cluster", f"kubectl --kubeconfig {lab['kubeconfig']} get pods -A"))
    else:
        rows.append(("kubeconfig", lab["kubeconfig"]))
    return "\n".join((heading("Where to look"), *(f"  {name:<16}{where}" for name, where in rows)))


def messages(told: Sequence[dict[str, Any]], run_ids: Sequence[str]) -> list[str]:
    """Return the threads of these runs as lines: first messages, and their replies indented."""
    threads = {
        message["ts"]
        for message in told
        if not message["thread_ts"] and any(run_id in json.dumps(message["blocks"]) for run_id in run_ids)
    }
    lines = []
    for message in told:
        if message["ts"] in threads or message["thread_ts"] in threads:
            margin = "      " if message["thread_ts"] else "  "
            lines.append(shorten_to_terminal(margin + " ".join(unescape(message["text"]).split())))
    return lines


def windtunnel(*arguments: str) -> str:
    """Run a verb in a process of its own, as a user would, and return what it printed.

    Raises:
        WindtunnelError: it failed; the message is what it said.
    """
    command = [sys.executable, "-m", "windtunnel.cli", *arguments]
    done = subprocess.run(command, check=False, text=True, capture_output=True)
    if done.returncode:
        msg = f"windtunnel {arguments[0]} ended with {done.returncode}: {done.stderr.strip()}"
        raise WindtunnelError(msg)
    return done.stdout


def _told(recorder: str) -> list[dict[str, Any]]:
    from urllib.request import ProxyHandler, build_opener

    with build_opener(ProxyHandler({})).open(f"{recorder}/messages.json", timeout=5) as answer:
        return list(json.load(answer)["slack"])


def _report(run_id: str) -> Path:
    """Write the report of a run with its chart, and return where it is."""
    report = state_folder() / "reports" / f"{run_id}.md"
    report.parent.mkdir(parents=True, exist_ok=True)
    windtunnel("report", run_id, "--output", str(report), "--chart", str(report.with_suffix(".svg")))
    return report


def _program() -> str:
    """Return how to call windtunnel here: by name, or by path in an environment that is not active."""
    beside = Path(sys.executable).parent / "windtunnel"
    if shutil.which("windtunnel") or not beside.is_file():
        return "windtunnel"
    here = Path.cwd()
    return str(beside.relative_to(here) if beside.is_relative_to(here) else beside)
