"""Calendars as stretches of time: iCalendar (RFC 5545) and public holidays."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from windtunnel.files.ics_limits import mistakes
from windtunnel.model.calendar import Busy
from windtunnel.model.errors import SourceError
from windtunnel.redaction import one_line

LARGEST = 2_000_000  # characters of one calendar
MOST = 5_000  # entries around one run
_DAY = timedelta(days=1)


def busy_in_calendar(
    text: str, *, source: str, reason: str, zone: str, around: tuple[datetime, datetime]
) -> tuple[Busy, ...]:
    """Return when the events of an iCalendar text keep anything from running.

    Recurring events are unfolded. Whole days and floating times are meant in *zone*. Events that are
    cancelled, or marked as transparent (free), block nothing.

    Raises:
        SourceError: it is no calendar, or too large a one.
    """
    import recurring_ical_events
    from icalendar import Calendar

    if len(text) > LARGEST:
        msg = f"the calendar {source} has {len(text)} characters; {LARGEST} are the most"
        raise SourceError(msg)
    try:
        calendar = Calendar.from_ical(text)
        if calendar.name != "VCALENDAR":
            msg = f"the calendar {source} is no calendar: it does not begin with BEGIN:VCALENDAR"
            raise SourceError(msg)  # noqa: TRY301 - what the library let through
        if wrong := next(mistakes(calendar), ""):
            msg = f"the calendar {source} has an event that cannot be read whole: {wrong}"
            raise SourceError(msg)  # noqa: TRY301 - the library would leave it out, or take it for another time
        events = list(islice(recurring_ical_events.of(calendar).between(*around), MOST + 1))
        found = tuple(sorted(_busy(events, source=source, reason=reason, zone=ZoneInfo(zone))))
    except SourceError:
        raise
    except Exception as error:  # the two libraries raise many things for text that is no calendar
        cause = one_line(str(error), 200) or type(error).__name__
        msg = f"the calendar {source} cannot be read: {cause}"
        raise SourceError(msg) from error
    if len(events) > MOST:
        msg = f"the calendar {source} has more than {MOST} entries around now; split it"
        raise SourceError(msg)
    return found


def busy_on_holidays(code: str, *, zone: str, around: tuple[datetime, datetime]) -> tuple[Busy, ...]:
    """Return the public holidays of *code* ("FR", "DE-BY") as whole days in *zone*.

    Raises:
        SourceError: there is no such code.
    """
    years = range(around[0].year, around[1].year + 1)
    place = ZoneInfo(zone)
    return tuple(
        Busy(_midnight(day, place), _midnight(day + _DAY, place), name, f"public holidays {code}")
        for day, name in sorted(_holidays(code, years).items())
    )


def check_holidays(code: str) -> None:
    """Raise SourceError where there are no public holidays known for *code*; the message suggests one."""
    _holidays(code, range(2026, 2027))


def _holidays(code: str, years: Iterable[int]) -> Any:
    import holidays

    country, _, part = code.partition("-")
    try:
        # in English where there is a translation: by default a day's name follows the machine's locale
        return holidays.country_holidays(country, subdiv=part or None, years=years, language="en_US")
    except NotImplementedError:
        parts = holidays.list_supported_countries(include_aliases=False).get(country)
        known = (
            f"parts of {country} are {', '.join(parts)}"
            if parts
            else "write an ISO 3166 code, like FR or DE-BY"
        )
        msg = f"no public holidays are known for {code}; {known}"
        raise SourceError(msg) from None


def _busy(events: Iterable[Any], *, source: str, reason: str, zone: ZoneInfo) -> Iterator[Busy]:
    for event in events:
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            continue
        if str(event.get("TRANSP", "")).upper() == "TRANSPARENT":
            continue
        start, end = event["DTSTART"].dt, event["DTEND"].dt if "DTEND" in event else None
        begins = _instant(start, zone)
        ends = _instant(end, zone) if end is not None else begins
        if ends <= begins and not isinstance(start, datetime):
            ends = _midnight(start + _DAY, zone)  # a day without an end is that whole day
        if ends > begins:
            yield Busy(begins, ends, str(event.get("SUMMARY", "")).strip() or reason, source)


def _instant(at: date | datetime, zone: ZoneInfo) -> datetime:
    if not isinstance(at, datetime):
        return _midnight(at, zone)
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(0), tzinfo=zone).astimezone(UTC)
