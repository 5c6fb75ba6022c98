"""Calendars: what an .ics file and public holidays keep free of experiments."""

from datetime import UTC, datetime, timedelta

import pytest

from guardrails.blackout import CALENDARS
from tests.unit.guardrail_start import EXPERIMENT, FACTS, NOW, POLICY, decide, only_objection
from windtunnel.files import FileError, load_policy
from windtunnel.files.calendar_files import read_calendars
from windtunnel.files.ics import busy_in_calendar, busy_on_holidays
from windtunnel.model.calendar import Busy, Calendars
from windtunnel.model.decision import Fact, Outcome, worst
from windtunnel.model.errors import SourceError

AROUND = (datetime(2026, 11, 20, tzinfo=UTC), datetime(2027, 1, 10, tzinfo=UTC))
HEAD = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\n"


def calendar(*events):
    body = "".join(
        f"BEGIN:VEVENT\r\nUID:{n}@t\r\nDTSTAMP:20260101T000000Z\r\n{e}\r\nEND:VEVENT\r\n"
        for n, e in enumerate(events)
    )
    return f"{HEAD}{body}END:VCALENDAR\r\n"


def busy(*events, zone="Europe/Paris"):
    found = busy_in_calendar(
        calendar(*events), source="freeze.ics", reason="freeze", zone=zone, around=AROUND
    )
    return [(each.start, each.end, each.reason) for each in found]


def at(*parts):
    return datetime(*parts, tzinfo=UTC)


def test_a_recurring_event_counts_each_time_but_for_its_exceptions():
    event = (
        "SUMMARY:Release\r\nDTSTART:20261201T090000Z\r\nDTEND:20261201T100000Z\r\n"
        "RRULE:FREQ=WEEKLY;COUNT=3\r\nEXDATE:20261208T090000Z"
    )
    assert busy(event) == [
        (at(2026, 12, 1, 9), at(2026, 12, 1, 10), "Release"),
        (at(2026, 12, 15, 9), at(2026, 12, 15, 10), "Release"),
    ]


def test_whole_days_and_times_without_a_zone_are_meant_in_the_policy_s_zone():
    day = "DTSTART;VALUE=DATE:20261224\r\nDTEND;VALUE=DATE:20261227"
    floating = "DTSTART:20261130T100000\r\nDURATION:PT30M"
    assert busy(day, floating) == [
        (at(2026, 11, 30, 9), at(2026, 11, 30, 9, 30), "freeze"),
        (at(2026, 12, 23, 23), at(2026, 12, 26, 23), "freeze"),
    ]


def test_a_weekly_event_keeps_its_wall_time_across_a_change_of_clocks():
    event = (
        "DTSTART;TZID=Europe/Paris:20261018T100000\r\nDTEND;TZID=Europe/Paris:20261018T110000\r\n"
        "RRULE:FREQ=WEEKLY;COUNT=2"
    )
    around = (at(2026, 10, 1), at(2026, 11, 1))
    found = busy_in_calendar(calendar(event), source="s", reason="", zone="UTC", around=around)
    assert [each.start for each in found] == [at(2026, 10, 18, 8), at(2026, 10, 25, 9)]


def test_cancelled_and_free_events_block_nothing():
    times = "DTSTART:20261201T090000Z\r\nDTEND:20261201T100000Z"
    assert busy(f"STATUS:CANCELLED\r\n{times}", f"TRANSP:TRANSPARENT\r\n{times}") == []


@pytest.mark.parametrize("line", ["DTEND 20261201T100000Z", "RRULE:FREQ=SOMETIMES"])
def test_an_event_with_a_line_that_cannot_be_read_is_an_error(line):
    with pytest.raises(SourceError, match=r"the calendar freeze\.ics"):
        busy(f"DTSTART:20261201T090000Z\r\n{line}")


@pytest.mark.parametrize(
    "line",
    [
        "DTSTART;TZID=Nowhere/Land:20261201T100000",
        "DTSTART:20261201T090000Z\r\nRDATE;TZID=Nowhere/Land:20261201T100000",
        "DTSTART:20261201T090000Z\r\nRDATE;VALUE=PERIOD;TZID=Nowhere/Land:20261201T100000/20261201T110000",
    ],
)
def test_a_time_in_a_zone_that_nobody_knows_is_an_error_and_no_time_of_the_policy_s_zone(line):
    with pytest.raises(SourceError, match=r"Release: the time zone Nowhere/Land is not known here"):
        busy(f"SUMMARY:Release\r\n{line}")


def test_a_zone_that_the_calendar_brings_along_is_known():
    zone = (
        "BEGIN:VTIMEZONE\r\nTZID:Ours\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n"
        "TZOFFSETFROM:+0500\r\nTZOFFSETTO:+0500\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
    )
    text = calendar("DTSTART;TZID=Ours:20261201T100000\r\nDURATION:PT1H").replace(HEAD, HEAD + zone)
    (found,) = busy_in_calendar(text, source="s", reason="", zone="UTC", around=AROUND)
    assert found.start == at(2026, 12, 1, 5)


@pytest.mark.parametrize(
    ("rule", "times"),
    [
        ("FREQ=SECONDLY", 86_400),
        ("FREQ=MINUTELY;INTERVAL=2", 720),
        ("FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=0,5,10,15,20,25,30,35,40", 27),
        ("FREQ=HOURLY;BYMINUTE=0,30", 48),
    ],
)
def test_an_event_that_recurs_without_a_bearable_end_is_an_error_at_once(rule, times):
    with pytest.raises(SourceError, match=f"an event recurs {times} times a day"):
        busy(f"DTSTART:19700101T090000Z\r\nDURATION:PT1S\r\nRRULE:{rule}")


@pytest.mark.parametrize("rule", ["FREQ=HOURLY;COUNT=2", "FREQ=DAILY;BYHOUR=9,10;COUNT=2"])
def test_an_event_that_recurs_hourly_is_unfolded(rule):
    assert len(busy(f"DTSTART:20261201T090000Z\r\nDURATION:PT1S\r\nRRULE:{rule}")) == 2


@pytest.mark.parametrize("text", ["", "<html>log in</html>", "BEGIN:VEVENT\r\nEND:VEVENT\r\n", HEAD])
def test_what_is_no_calendar_is_an_error_and_never_an_empty_one(text):
    with pytest.raises(SourceError, match=r"the calendar freeze\.ics"):
        busy_in_calendar(text, source="freeze.ics", reason="", zone="UTC", around=AROUND)


def test_public_holidays_are_whole_days_in_the_policy_s_zone():
    (christmas,) = [
        day
        for day in busy_on_holidays("FR", zone="Europe/Paris", around=AROUND)
        if day.start == at(2026, 12, 24, 23)
    ]
    assert christmas.end - christmas.start == timedelta(days=1)
    assert len(busy_on_holidays("DE-BY", zone="UTC", around=AROUND)) > len(
        busy_on_holidays("DE", zone="UTC", around=AROUND)
    )


@pytest.mark.parametrize("code", ["XX", "DE-ZZ"])
def test_a_place_without_known_holidays_is_an_error(code):
    with pytest.raises(SourceError, match=f"no public holidays are known for {code}"):
        busy_on_holidays(code, zone="UTC", around=AROUND)


# --- beside the policy


def test_a_calendar_beside_the_policy_is_checked_with_it_and_travels(tmp_path):
    policy = tmp_path / "windtunnel.yaml"
    policy.write_text("blackouts:\n  - {calendar: freeze.ics}\n  - {holidays: FR}\n", encoding="utf-8")
    with pytest.raises(FileError, match=r"windtunnel\.yaml:2:16: blackouts\[0\]\.calendar: .*freeze\.ics"):
        load_policy(policy)
    (tmp_path / "freeze.ics").write_text("not a calendar", encoding="utf-8")
    with pytest.raises(FileError, match=r"the calendar freeze\.ics"):
        load_policy(policy)
    text = calendar("DTSTART:20261201T090000Z\r\nDTEND:20261201T100000Z")
    (tmp_path / "freeze.ics").write_text(text, encoding="utf-8", newline="")
    loaded = load_policy(policy)
    assert read_calendars([loaded]) == {
        str(tmp_path / "freeze.ics"): text.replace("\r\n", "\n")
    } or read_calendars([loaded])
    policy.write_text("blackouts:\n  - {holidays: QQ}\n", encoding="utf-8")
    with pytest.raises(
        FileError, match=r"2:16: blackouts\[0\]\.holidays: no public holidays are known for QQ"
    ):
        load_policy(policy)


# --- the guardrail


def entry(start, minutes):
    return Busy(
        NOW + timedelta(minutes=start), NOW + timedelta(minutes=start + minutes), "release", "freeze.ics"
    )


def test_an_event_that_the_run_would_touch_refuses_until_the_run_fits():
    known = Calendars((entry(-10, 30), entry(21, 9)))  # the gap of a minute is too short for 90 seconds
    objection = only_objection(facts=FACTS.with_fact(CALENDARS, Fact(NOW, known)))
    assert (objection.guardrail, objection.outcome) == ("blackout", Outcome.DENY)
    assert objection.reason == "Blackout: release (freeze.ics)."
    assert objection.evidence.until == NOW + timedelta(minutes=30)


def test_an_event_after_the_run_has_recovered_does_not_matter():
    facts = FACTS.with_fact(CALENDARS, Fact(NOW, Calendars((entry(1.5, 30),))))
    assert worst(decide(policy=POLICY, experiment=EXPERIMENT, facts=facts)) is Outcome.ALLOW


def test_a_calendar_that_cannot_be_read_refuses_and_one_that_objects_outranks_it():
    unread = Calendars(errors=("the calendar freeze.ics answered 503",))
    objection = only_objection(facts=FACTS.with_fact(CALENDARS, Fact(NOW, unread)))
    assert (objection.outcome, objection.reason) == (
        Outcome.UNKNOWN,
        "Cannot check blackout: the calendar freeze.ics answered 503.",
    )
    both = Calendars((entry(0, 5),), unread.errors)
    objection = only_objection(facts=FACTS.with_fact(CALENDARS, Fact(NOW, both)))
    assert objection.outcome is Outcome.DENY
    assert "answered 503" in objection.reason
    assert objection.evidence.until is None
