"""Changing what others change at the same time: read, change at the version that was read, else once more."""

import random
from collections.abc import Callable
from typing import TypeVar

from windtunnel.clock import Clock
from windtunnel.model.errors import ConflictError

Result = TypeVar("Result")
_TRIES = 20  # somebody else was faster, so often in a row
_FIRST_PAUSE_S = 0.01
_LONGEST_PAUSE_S = 0.3


def until_settled(clock: Clock, once: Callable[[], Result]) -> Result:
    """Return what *once* returns; while that is a conflict, call it again after a pause of random length.

    *once* must read anew each time, and change nothing when it meets a conflict.

    Raises:
        ConflictError: it met nothing but conflicts.
    """
    for attempt in range(_TRIES - 1):
        try:
            return once()
        except ConflictError:
            longest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**attempt)
            clock.wait(random.uniform(0.0, longest))  # noqa: S311 - keeps rivals apart, keeps no secret
    return once()
