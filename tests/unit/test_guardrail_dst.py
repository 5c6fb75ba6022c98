"""Windows in the nights when clocks change: ten zones, ten years, each minute by an independent reading."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from guardrails.hours import open_spans
from windtunnel.model.policy import Window

ZONES = (
    "Europe/Paris", "America/New_York", "America/Los_Angeles", "America/Havana", "America/St_Johns",
    "Australia/Sydney", "Australia/Lord_Howe", "Pacific/Auckland", "Africa/Cairo", "Asia/Jerusalem",
)  # fmt: skip
YEARS = range(2026, 2036)
WINDOWS = (
    (time(0, 30), time(2, 30)), (time(1, 0), time(2, 0)), (time(2, 15), time(3, 45)),
    (time(22, 0), time(3, 0)), (time(0), None),
)  # fmt: skip
EVERY_DAY = frozenset(range(1, 8))


def changes(zone):
    """Yield the instants at which the offset changes, to the minute."""
    place = ZoneInfo(zone)
    for year in YEARS:
        at = datetime(year, 1, 1, tzinfo=UTC)
        while at.year == year:
            later = at + timedelta(hours=6)
            if at.astimezone(place).utcoffset() != later.astimezone(place).utcoffset():
                moment = at
                while moment.astimezone(place).utcoffset() == at.astimezone(place).utcoffset():
                    moment += timedelta(minutes=15)
                yield moment
            at = later


def by_the_wall_clock(window, at):
    """Say whether a clock on the wall shows a time of *window*; written without the code under test."""
    wall = at.astimezone(ZoneInfo(window.timezone))
    minute = wall.hour * 60 + wall.minute
    start = window.start.hour * 60 + window.start.minute
    end = 24 * 60 if window.end is None else window.end.hour * 60 + window.end.minute
    today = wall.isoweekday() in window.days
    yesterday = (wall - timedelta(days=1)).isoweekday() in window.days
    if start < end:
        return today and start <= minute < end
    return (today and minute >= start) or (yesterday and minute < end)


@pytest.mark.parametrize("zone", ZONES)
def test_every_minute_around_each_change_of_clocks_is_told_as_the_wall_clock_tells_it(zone):
    seen = 0
    for change in changes(zone):
        for start, end in WINDOWS:
            window = Window("w", EVERY_DAY, start, end, zone)
            spans = open_spans([window], around=change, lasting=timedelta(0))
            for minute in range(-240, 241, 15):
                at = change + timedelta(minutes=minute)
                expected = by_the_wall_clock(window, at)
                assert any(span.holds(at) for span in spans) is expected, (window, at)
                elsewhere = at.astimezone(ZoneInfo("Asia/Kathmandu"))
                assert any(span.holds(elsewhere) for span in spans) is expected
            seen += 1
    assert seen >= 2 * len(YEARS) * len(WINDOWS)
