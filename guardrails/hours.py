"""Weekly hours as instants, exact across both changes of daylight saving time. Pure calendar arithmetic.

The rule: a moment belongs to a window when the wall clock of the window's zone shows a time in
[from, to) of a day on which the window starts. So, in Europe/Paris, where 02:00-03:00 is skipped in spring
and happens twice in autumn:

    window 02:30-04:00 in spring   [03:00 CEST, 04:00 CEST)        half an hour does not exist
    window 02:00-04:00 in autumn   [02:00 CEST, 04:00 CET)         lasts three hours
    window 02:00-02:30 in autumn   happens twice                   02:00 CEST and, an hour later, 02:00 CET
    window 22:00-02:00 on Fri      [Fri 22:00, Sat 02:00)          belongs to Friday
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from windtunnel.model.experiment import Experiment
from windtunnel.model.policy import Window

_DAY = timedelta(days=1)
_WEEK_AND_MARGIN = 9  # days ahead in which every weekly window shows itself whole, after any change of clocks


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Instants [start, end), in UTC."""

    start: datetime
    end: datetime

    def holds(self, at: datetime) -> bool:
        """Say whether *at* lies in it; the end does not."""
        return self.start <= at < self.end


def needed(experiment: Experiment) -> timedelta:
    """Return how long a run may take: its fault, and the time the service has to recover."""
    return timedelta(seconds=experiment.duration_s + experiment.recover_within_s)


def open_spans(windows: Iterable[Window], *, around: datetime, lasting: timedelta) -> tuple[Span, ...]:
    """Return the spans in which some of *windows* is open, from a day and more before *around* on.

    Spans that touch or overlap are one, so that Monday until midnight and Tuesday from midnight on make one
    night. They reach far enough ahead to show the next opening that is *lasting* long, if there is any.
    """
    days = range(-2 - lasting.days, _WEEK_AND_MARGIN + lasting.days + 1)
    spans: list[Span] = []
    for window in windows:
        today = around.astimezone(ZoneInfo(window.timezone)).date()
        for offset in days:
            spans += _spans_of_day(window, today + offset * _DAY)
    return tuple(_merged(spans))


def first_instant(day: date, zone: ZoneInfo) -> datetime:
    """Return the first moment of *day* in *zone*; it is not always 00:00."""
    midnight = datetime.combine(day, time(0))
    shown = next(_instants(midnight, midnight + _DAY, zone), None)
    return shown.start if shown else midnight.replace(tzinfo=zone)  # Samoa once skipped a whole day


def show(at: datetime, zone: str) -> str:
    """Write an instant for people, in their zone: Mon 2026-11-23 09:00 CET."""
    return f"{at.astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M %Z}"


def _spans_of_day(window: Window, day: date) -> Iterator[Span]:
    """Yield the spans of the window that starts on *day*, if it does."""
    if day.isoweekday() not in window.days:
        return
    start = datetime.combine(day, window.start)
    end = (
        datetime.combine(day, window.end) if window.end is not None else datetime.combine(day, time(0)) + _DAY
    )
    if end <= start:
        end += _DAY
    yield from _instants(start, end, ZoneInfo(window.timezone))


def _instants(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[Span]:
    """Yield the instants at which the wall clock of *zone* shows a time in [start, end), both naive.

    Each stretch between two changes of clocks has one offset; in it, wall time and instants run in parallel.
    No zone changes its clocks twice within the three days that are looked at.
    """
    low = (start - _DAY).replace(tzinfo=UTC)
    high = (end + _DAY).replace(tzinfo=UTC)
    before, after = _offset(low, zone), _offset(high, zone)
    if before == after:
        yield _shifted(start, end, before)
        return
    change = _change_between(low, high, zone)
    first, second = _shifted(start, end, before), _shifted(start, end, after)
    if first.start < change:
        yield Span(first.start, min(first.end, change))
    if second.end > change:
        yield Span(max(second.start, change), second.end)


def _shifted(start: datetime, end: datetime, offset: timedelta) -> Span:
    return Span((start - offset).replace(tzinfo=UTC), (end - offset).replace(tzinfo=UTC))


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)


def _change_between(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """Return the first instant after *low* with the offset of *high*, to the second."""
    before = _offset(low, zone)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        low, high = (middle, high) if _offset(middle, zone) == before else (low, middle)
    return high


def _merged(spans: list[Span]) -> Iterator[Span]:
    current: Span | None = None
    for span in sorted(spans):
        if current is None:
            current = span
        elif span.start <= current.end:
            current = Span(current.start, max(current.end, span.end))
        else:
            yield current
            current = span
    if current is not None:
        yield current
