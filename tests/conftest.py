"""What every kind of test shares: which tests must stay together when they run side by side."""

from pathlib import Path

import pytest

TOGETHER = ("lab", "flows", "contract", "cluster")  # folders whose tests share something started once


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a folder on one worker, so that a lab or a server is started once."""
    here = Path(__file__).parent
    for item in items:
        folder = item.path.relative_to(here).parts[0]
        if folder in TOGETHER:
            item.add_marker(pytest.mark.xdist_group(folder))
