"""What can befall one call on its way; the word is Toxiproxy's."""

import threading
from dataclasses import dataclass

DELAY_S = 2.0
HANG_S = 20.0  # longer than anybody waits for an answer
ANSWERS = {"429": 429, "500": 500, "503": 503}
LATE = "done, and 500"
KINDS = (
    "delay",
    "hang",  # no answer, until whoever asked gives up
    "drop",  # the call never arrives
    "lose the answer",  # the call arrives, and the connection is closed
    "reset",  # the call arrives, and the connection is reset
    "half an answer",  # the connection is closed in the middle of the body
    "half the JSON",  # a whole answer with half of its JSON
    *ANSWERS,
    LATE,  # the call arrives, and is answered as if it had not
)
STREAM_KINDS = ("delay", "hang", "drop", "lose the answer", "reset", "half an answer")


@dataclass(frozen=True, slots=True)
class Toxic:
    """What befalls one call: the one with the number *at*, from 0, or the first that holds the words *on*.

    Where it *stays*, all later calls are hit too.
    """

    kind: str = ""
    at: int = -1
    on: str = ""
    stays: bool = False


class Poisoned:
    """Counts the calls since it was last set, and says what befalls each. Safe from any thread."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.hit: list[str] = []
        self.over = threading.Event()
        self._toxic = Toxic()
        self._lock = threading.Lock()

    def set(self, toxic: Toxic) -> None:
        """Begin to count anew, with *toxic* ahead."""
        with self._lock:
            self.calls, self.hit, self._toxic = [], [], toxic

    def next(self, call: str) -> str:
        """Count *call*; return what befalls it, or nothing."""
        with self._lock:
            toxic, index = self._toxic, len(self.calls)
            self.calls.append(call)
            here = toxic.on in call if toxic.on else index == toxic.at
            if not toxic.kind or not ((here and not self.hit) or (toxic.stays and self.hit)):
                return ""
            self.hit.append(call)
            return toxic.kind
