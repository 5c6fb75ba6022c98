"""Ask several things at the same time."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Thing = TypeVar("Thing")
Answer = TypeVar("Answer")


def at_once(ask: Callable[[Thing], Answer], things: Sequence[Thing]) -> list[Answer]:
    """Return the answers in the order of *things*; an exception of *ask* is raised.

    The threads are daemons, unlike those of an executor: one that hangs never keeps a process from ending.
    """
    answers: dict[int, Any] = {}

    def keep(index: int) -> None:
        try:
            answers[index] = ask(things[index])
        except Exception as error:  # noqa: BLE001 - raised again below, in the thread of who asked
            answers[index] = _Failed(error)

    threads = [
        threading.Thread(target=keep, args=(index,), name="at-once", daemon=True)
        for index in range(len(things))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answer in answers.values():
        if isinstance(answer, _Failed):
            raise answer.error
    return [answers[index] for index in range(len(things))]


class _Failed:
    def __init__(self, error: Exception) -> None:
        self.error = error
