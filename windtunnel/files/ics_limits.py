"""What in an iCalendar file cannot be believed, or unfolded in bearable time; it is never left out."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

OFTEN = 24  # times a day: an event that recurs more often than each hour keeps nothing free
_PER_DAY = {"SECONDLY": 86_400, "MINUTELY": 1_440, "HOURLY": 24}


def mistakes(calendar: Any) -> Iterator[str]:
    """Yield what is wrong with the events of *calendar*, an icalendar.Calendar, in words."""
    for event in calendar.walk("VEVENT"):
        name = str(event.get("SUMMARY", "")).strip() or "an event"
        yield from (f"{name}: {error}" for error in event.errors)
        yield from (f"{name}: the time zone {zone} is not known here" for zone in _unknown_zones(event))
        yield from (f"{name} recurs {times} times a day" for times in _too_often(event))


def _unknown_zones(event: Any) -> Iterator[str]:
    """Yield the zones that were not understood: the library takes such times for floating ones."""
    for key in ("DTSTART", "DTEND", "RDATE"):
        for value in _listed(event.get(key)):
            zone = value.params.get("TZID") if hasattr(value, "params") else None
            if zone and any(_floats(moment) for moment in _moments(value)):
                yield str(zone)


def _moments(value: Any) -> Iterator[date | datetime]:
    if hasattr(value, "dts"):
        for each in value.dts:
            yield each.dt[0] if isinstance(each.dt, tuple) else each.dt  # a period begins somewhere
    else:
        yield value.dt


def _floats(moment: object) -> bool:
    return isinstance(moment, datetime) and moment.tzinfo is None


def _too_often(event: Any) -> Iterator[int]:
    for rule in _listed(event.get("RRULE")):
        per_day = max((_PER_DAY.get(str(each).upper(), 1) for each in rule.get("FREQ", ())), default=1)
        interval = max(1, *rule.get("INTERVAL", (1,)))
        within = _number(rule, "BYSECOND") * _number(rule, "BYMINUTE")
        hours = _number(rule, "BYHOUR") if per_day == 1 else 1  # finer rules are only limited by it
        if (times := max(1, per_day // interval) * within * hours) > OFTEN:
            yield times


def _number(rule: Any, key: str) -> int:
    return max(1, len(rule.get(key, ())))


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
