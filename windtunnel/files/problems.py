"""What is wrong with a file: one line per mistake, in the order of the file."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from windtunnel.model.errors import InputError
from windtunnel.redaction import redact

Path = tuple[str | int, ...]  # keys and indexes from the top of a file to one value
_SHOWN = 60  # characters of a wrong value that a message repeats
_LONGEST_MESSAGE = 600
MOST_MISTAKES = 100  # of one kind and file: nobody reads more, and each suggestion takes time


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake. *line* and *column* count from 1; 0 when it concerns the file as a whole."""

    source: str
    line: int
    column: int
    key: str  # as a path: steady_state[0].expect; empty for the file as a whole
    message: str

    def __str__(self) -> str:
        source, message = printable(self.source), printable(redact(self.message))
        where = f"{source}:{self.line}:{self.column}" if self.line else source
        if len(message) > _LONGEST_MESSAGE:
            message = f"{message[:_LONGEST_MESSAGE]}..."
        return f"{where}: {self.key}: {message}" if self.key else f"{where}: {message}"


class FileError(InputError):
    """A file cannot be used. Its text has one line per problem, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True, slots=True)
class Mistake:
    """A problem that knows its path but not yet its line. *at_key* points at the key, not at its value."""

    path: Path
    message: str
    at_key: bool = False


def written(path: Path) -> str:
    """Write a path the way people say it: steady_state[0].expect."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{shorten(part)}" if text else shorten(part)
    return text


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean "X"?` when *word* is nearly a known one, and nothing otherwise."""
    near = nearest(word, known)
    return f'; did you mean "{near}"?' if near else ""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that *word* was probably meant to be, or nothing."""
    by_lower = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else ""


def listed(words: Sequence[str], *, last: str = "or") -> str:
    """Join words for a sentence: a, b or c."""
    if len(words) <= 1:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def what(value: Any) -> str:
    """Name a wrong value in a sentence: the number 5, "soon", a list."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {shorten(str(value))}"
        case str():
            return f'"{shorten(value)}"'
        case list():
            return "a list"
        case _:
            return "a mapping"


def shorten(text: str) -> str:
    """Make *text* fit into one line of a message."""
    told = redact(text)
    return printable(told) if len(told) <= _SHOWN else f"{printable(told[:_SHOWN])}..."


def printable(text: str) -> str:
    """Return *text* with everything escaped that would break the line, or that a terminal would obey."""
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)
