"""Rules about a policy's windows that no single one shows."""

from collections.abc import Iterator, Mapping
from datetime import time
from itertools import combinations

from windtunnel.files.hours_form import WindowForm
from windtunnel.files.problems import Mistake
from windtunnel.files.words import DAYS

_DAY = 24 * 60  # minutes
_WEEK = 7 * _DAY


def window_mistakes(windows: Mapping[str, WindowForm]) -> Iterator[Mistake]:
    """Yield the windows that overlap one before them: nobody could tell which of the two a run is in.

    Windows that meet are fine, and are open as one.
    """
    for (name, earlier), (other, later) in combinations(windows.items(), 2):
        shared = next(_shared(earlier, later), None)
        if shared:
            start, end = shared
            message = (
                f'overlaps "{name}" on {_moment(start)}-{_clock(end)}; '
                "let one end where the other begins, or make them one window"
            )
            yield Mistake(("windows", other), message, at_key=True)


def _shared(one: WindowForm, other: WindowForm) -> Iterator[tuple[int, int]]:
    """Yield the minutes of the week in which both are open."""
    for first in _spans(one):
        for second in _spans(other):
            start, end = max(first[0], second[0]), min(first[1], second[1])
            if start < end:
                yield start % _WEEK, end


def _spans(window: WindowForm) -> Iterator[tuple[int, int]]:
    """Yield its hours as minutes of the week; what reaches into the next week counts at its beginning too."""
    start = _minutes(window.from_)
    end = _DAY if window.to is None else _minutes(window.to)
    lasting = end - start if end > start else end - start + _DAY
    for day in sorted(window.days):
        begins = (day - 1) * _DAY + start
        yield begins, begins + lasting
        if begins + lasting > _WEEK:
            yield begins - _WEEK, begins + lasting - _WEEK


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute


def _moment(minute: int) -> str:
    return f"{DAYS[minute // _DAY]} {_clock(minute)}"


def _clock(minute: int) -> str:
    within = minute % _DAY
    return f"{within // 60:02}:{within % 60:02}" if within or not minute else "24:00"
