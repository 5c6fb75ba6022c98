"""What a look gives."""

from dataclasses import dataclass

from windtunnel.redaction import one_line

_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether what was seen is as expected. `ok=None`: nothing could be seen, and *error* says why."""

    ok: bool | None
    value: float | None = None  # the number looked at; a latency is in seconds
    detail: str = ""  # what was seen, for people
    error: str = ""


def unanswered(error: object) -> Answer:
    """Return the answer of a probe that could not look."""
    return Answer(ok=None, error=bounded(str(error)))


def bounded(text: str) -> str:
    """Return *text* as one line of bearable length, without secrets."""
    return one_line(text, _LONGEST)
