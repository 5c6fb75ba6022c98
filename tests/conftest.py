"""What every kind of test shares: a state folder of its own, and which tests must stay together."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running_lab import lab  # noqa: F401 - a fixture for every folder
from tests.running_postgres import postgres, postgres_server  # noqa: F401 - likewise

TOGETHER = ("ledger", "flows", "contract", "cluster")  # folders whose tests all share something started once
# the developer's own
THEIRS = ("PREFECT_API_URL", "PREFECT_PROFILE", "SLACK_BOT_TOKEN", "SLACK_API_URL", "WINDTUNNEL_LEDGER")


def pytest_configure() -> None:
    """Let children be interrupted: a shell in the background ignores SIGINT for all, and nohup SIGHUP."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a folder on one worker, so that a lab or a server is started once.

    First of all: the plug-in that deals tests out to workers reads the marks in a hook of this name, too.
    """
    here = Path(__file__).parent
    for item in items:
        folder = item.path.relative_to(here).parts[0]
        if folder in TOGETHER or "lab" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group(folder))
        elif item.path.name.startswith("test_lab_node_"):
            item.add_marker(pytest.mark.xdist_group("node"))  # they listen on the same loopback addresses


@pytest.fixture(scope="session", autouse=True)
def _apart_from_the_developer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Use neither the ledger, nor the Prefect server, nor the Slack of whoever runs the tests."""
    kept = {name: os.environ.pop(name, None) for name in (*THEIRS, "WINDTUNNEL_HOME")}
    os.environ["WINDTUNNEL_HOME"] = str(tmp_path_factory.mktemp("state"))
    yield
    del os.environ["WINDTUNNEL_HOME"]
    os.environ.update({name: value for name, value in kept.items() if value is not None})
