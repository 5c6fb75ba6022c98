"""What the tests of the lab share beside the lab itself."""

import time
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """Wait until a question has a true answer, and return it; fail with the last answer after a while."""

    def ask(question: Callable[[], Any], *, within_s: float = 20.0, every_s: float = 0.1) -> Any:
        deadline = time.monotonic() + within_s
        while not (answer := question()):
            assert time.monotonic() < deadline, f"still {answer!r} after {within_s:g}s"
            time.sleep(every_s)
        return answer

    return ask
