"""What every kind of test shares: a state folder of its own, and which tests must stay together."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running_lab import lab  # noqa: F401 - a fixture for every folder

TOGETHER = ("lab", "flows", "contract", "cluster")  # folders whose tests share a lab, or loopback addresses
THEIRS = ("PREFECT_API_URL", "PREFECT_PROFILE", "SLACK_BOT_TOKEN", "SLACK_API_URL")  # the developer's own


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a folder on one worker, so that a lab or a server is started once."""
    here = Path(__file__).parent
    for item in items:
        folder = item.path.relative_to(here).parts[0]
        if folder in TOGETHER:
            item.add_marker(pytest.mark.xdist_group(folder))


@pytest.fixture(scope="session", autouse=True)
def _apart_from_the_developer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Use neither the ledger, nor the Prefect server, nor the Slack of whoever runs the tests."""
    kept = {name: os.environ.pop(name, None) for name in (*THEIRS, "WINDTUNNEL_HOME")}
    os.environ["WINDTUNNEL_HOME"] = str(tmp_path_factory.mktemp("state"))
    yield
    del os.environ["WINDTUNNEL_HOME"]
    os.environ.update({name: value for name, value in kept.items() if value is not None})
