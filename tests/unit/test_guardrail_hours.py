"""Weekly hours as instants. Boundaries, overnight, days that touch, and both changes of clocks."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from guardrails.hours import first_instant, open_spans
from guardrails.window import describe
from windtunnel.model.policy import Window

PARIS = "Europe/Paris"
EVERY_DAY = frozenset(range(1, 8))


def window(start, end, *, days=EVERY_DAY, zone=PARIS):
    last = None if end == "24:00" else time.fromisoformat(end)
    return Window("w", frozenset(days), time.fromisoformat(start), last, zone)


def is_open(found, at):
    now = datetime.fromisoformat(at)
    return any(span.holds(now) for span in open_spans([found], around=now, lasting=timedelta(0)))


def hours_open(found, at):
    """Return the length in hours of the span that is open at a moment."""
    now = datetime.fromisoformat(at)
    (span,) = [s for s in open_spans([found], around=now, lasting=timedelta(0)) if s.holds(now)]
    return (span.end - span.start).total_seconds() / 3600


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-23T08:59:59+01:00", False),
        ("2026-11-23T09:00:00+01:00", True),
        ("2026-11-23T15:59:59+01:00", True),
        ("2026-11-23T16:00:00+01:00", False),  # half-open
        ("2026-11-23T08:00:00+00:00", True),  # the same instant as 09:00 in Paris
        ("2026-11-27T10:00:00+01:00", False),  # a Friday
    ],
)
def test_a_day_window_is_half_open_in_its_own_zone(at, expected):
    assert is_open(window("09:00", "16:00", days={1, 2, 3, 4}), at) is expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-27T21:59:00+01:00", False),
        ("2026-11-27T22:00:00+01:00", True),  # Friday
        ("2026-11-28T01:59:00+01:00", True),  # Saturday, but it belongs to Friday
        ("2026-11-28T02:00:00+01:00", False),
        ("2026-11-27T01:00:00+01:00", False),  # Friday, but it would belong to Thursday
        ("2026-11-28T22:30:00+01:00", False),
    ],
)
def test_an_overnight_window_belongs_to_the_day_on_which_it_starts(at, expected):
    assert is_open(window("22:00", "02:00", days={5}), at) is expected


def test_windows_that_touch_at_midnight_are_one():
    days = [window("20:00", "24:00", days={1}), window("00:00", "04:00", days={2})]
    now = datetime(2026, 11, 23, 22, 0, tzinfo=ZoneInfo(PARIS))
    (span,) = [s for s in open_spans(days, around=now, lasting=timedelta(0)) if s.holds(now)]
    assert (span.start, span.end) == (
        datetime(2026, 11, 23, 19, 0, tzinfo=UTC),
        datetime(2026, 11, 24, 3, 0, tzinfo=UTC),
    )


def test_whole_weeks_without_a_gap_are_one_span():
    assert hours_open(window("00:00", "24:00"), "2026-11-23T10:00:00+01:00") > 7 * 24


@pytest.mark.parametrize(
    ("start", "end", "at", "hours"),
    [
        # 2026-03-29 in Paris: 02:00 becomes 03:00 at 01:00 UTC
        ("01:00", "04:00", "2026-03-29T00:30:00+00:00", 2),
        ("02:30", "04:00", "2026-03-29T01:30:00+00:00", 1),  # 02:30 does not exist: it opens at 03:00
        ("01:00", "02:30", "2026-03-29T00:30:00+00:00", 1),  # and closes at 03:00
        ("22:00", "06:00", "2026-03-29T00:30:00+00:00", 7),
        # 2026-10-25 in Paris: 03:00 becomes 02:00 at 01:00 UTC
        ("01:00", "04:00", "2026-10-25T00:30:00+00:00", 4),
        ("02:00", "04:00", "2026-10-25T00:30:00+00:00", 3),
        ("02:00", "02:30", "2026-10-25T00:10:00+00:00", 0.5),  # the first time
        ("02:00", "02:30", "2026-10-25T01:10:00+00:00", 0.5),  # the second time
        ("22:00", "06:00", "2026-10-25T00:30:00+00:00", 9),
        # the day before and after are ordinary
        ("02:00", "04:00", "2026-10-24T00:30:00+00:00", 2),
        ("02:00", "04:00", "2026-10-26T01:30:00+00:00", 2),
    ],
)
def test_windows_are_right_across_both_changes_of_clocks(start, end, at, hours):
    assert hours_open(window(start, end), at) == hours


@pytest.mark.parametrize(
    "at",
    [
        "2026-10-25T00:30:00+00:00",  # 02:30 CEST: past the end of the first occurrence
        "2026-10-25T01:30:00+00:00",  # 02:30 CET: past the end of the second one
    ],
)
def test_a_window_that_happens_twice_is_closed_between(at):
    assert not is_open(window("02:00", "02:30"), at)


def test_a_window_inside_the_hour_that_is_skipped_does_not_open():
    spans = open_spans(
        [window("02:10", "02:50", days={7})], around=datetime(2026, 3, 29, tzinfo=UTC), lasting=timedelta(0)
    )
    assert date(2026, 3, 29) not in {span.start.date() for span in spans}


def test_a_zone_that_moves_its_clocks_by_half_an_hour_is_right_too():
    lord_howe = window("01:00", "04:00", zone="Australia/Lord_Howe")
    assert hours_open(lord_howe, "2026-04-04T14:30:00+00:00") == 3.5
    assert hours_open(lord_howe, "2026-10-03T15:00:00+00:00") == 2.5


def test_the_first_instant_of_a_day_is_not_always_midnight():
    assert first_instant(date(2026, 9, 6), ZoneInfo("America/Santiago")) == datetime(
        2026, 9, 6, 4, tzinfo=UTC
    )
    assert first_instant(date(2026, 11, 23), ZoneInfo(PARIS)) == datetime(2026, 11, 22, 23, tzinfo=UTC)


def test_a_day_that_a_zone_skipped_altogether_still_has_a_first_instant():
    assert first_instant(date(2011, 12, 30), ZoneInfo("Pacific/Apia")).date() is not None


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (window("09:00", "16:00", days={1, 2, 3, 4}), "w Mon-Thu 09:00-16:00 Europe/Paris"),
        (window("00:00", "24:00", days={1, 3, 6, 7}, zone="UTC"), "w Mon,Wed,Sat-Sun 00:00-24:00 UTC"),
    ],
)
def test_a_window_shows_itself_in_one_line(found, line):
    assert describe(found) == line
