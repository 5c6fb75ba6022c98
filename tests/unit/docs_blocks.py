"""The README and the pages of docs/ as tests read them: code blocks, and the commands in them."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")))

WALKED = ("README.md", "docs/lab.md", "docs/cli.md", "docs/real-cluster.md", "docs/undo.md")
"""Pages whose commands tests/flows/test_docs_in_the_lab.py runs, in their order, against the lab."""

NEED_NOTHING = (
    "windtunnel --help",
    "windtunnel --version",
    "windtunnel run --help",
    "windtunnel validate experiments",
    "windtunnel schema policy > policy.schema.json",
    "windtunnel history",
    "windtunnel history --limit 5 --json",
    "windtunnel history --experiment catalog-survives-pod-loss",
    "windtunnel history prune --older-than 90d",
    "windtunnel history prune --older-than 90d --dry-run",
    "windtunnel history prune --older-than 90d --dry-run --json",
    "windtunnel report last",
    "windtunnel report last --chart chart.svg --output report.md",
    "windtunnel report last --format json",
    "windtunnel report RUN --format json",
)
"""Commands that tests/unit/test_docs_commands.py runs, on a ledger with one run in it."""

NOT_RUN = {
    "make demo": "installs everything and takes minutes; the demo's parts are run by tests/flows",
    "make test": "is what runs these tests",
    "make kill-matrix N=500": "takes a quarter of an hour; tests/kill runs a sample",
    "make network N=500": "takes a quarter of an hour; tests/network runs a sample",
    "make soak MINUTES=10": "takes ten minutes; tests/kill runs a short one",
    ". .venv/bin/activate": "the tests run in an environment already",
    "export SLACK_BOT_TOKEN=xoxb-...": "no such token; tests/flows sends to the lab's recorder",
}
"""Commands that no test runs, and why. Their targets and verbs are checked all the same."""


@cache
def page(name: str) -> str:
    """Return the text of a page."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str, *languages: str) -> list[str]:
    """Return the code blocks of a page in the order of the page."""
    found = re.findall(r"^```(\w+)\n(.*?)^```$", page(name), flags=re.DOTALL | re.MULTILINE)
    return [text for language, text in found if language in languages]


def commands(name: str) -> list[str]:
    """Return the commands of a page, as they are typed."""
    return [line for block in blocks(name, "sh", "console") for line in _commands(block)]


def every_command() -> list[tuple[str, str]]:
    """Return (page, command) for all commands of all pages."""
    return [(name, command) for name in PAGES for command in commands(name)]


def output_after(name: str, command: str) -> list[str]:
    """Return the lines that a page shows below `$ command`."""
    for block in blocks(name, "console", "text"):
        first, *rest = block.splitlines()
        if first == f"$ {command}":
            return rest
    msg = f"{name} shows no output of: {command}"
    raise LookupError(msg)


def _commands(block: str) -> Iterator[str]:
    """Yield each line of a block of commands, or those after `$ ` where the block also shows output."""
    lines = [line for line in block.splitlines() if line.strip()]
    session = any(line.startswith("$ ") for line in lines)
    for line in lines:
        if not session:
            yield line
        elif line.startswith("$ "):
            yield line.removeprefix("$ ")
