"""The small languages inside the files: hours, days, dates, percentages, queries. Text to value.

Every function raises ValueError with half a sentence that says what is wrong and what is allowed.
"""

import math
import re
import warnings
from datetime import date, datetime, time
from typing import Any

from windtunnel.files.problems import did_you_mean, nearest, what
from windtunnel.model.comparison import ALLOWED, Comparison, parse_comparison
from windtunnel.model.duration import parse_duration
from windtunnel.model.placeholder import FORMS, START, placeholders_in, without_placeholders
from windtunnel.model.selector import parse_selector

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LONG_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_LAST_COMPARISON = re.compile(
    r"(.*?\S)\s*((?:>=|<=|==|!=|>|<)\s*[-+.\d][^\s<>=!]*|\bbetween\s+[-+.\d]\S*\s+and\s+[-+.\d]\S*)",
    re.DOTALL,
)
_FILTERS = re.compile(r"(?:>=|<=|==|!=|>|<)(?!\s*bool\b)")
_JOINS = re.compile(r"[<>]|==|!=|\b(?:and|or|unless)\b", re.IGNORECASE)
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`", re.DOTALL)
_BRACKETED = re.compile(r"\([^()\[\]{}]*\)|\[[^()\[\]{}]*\]|\{[^()\[\]{}]*\}")
_TIME = re.compile(r"(\d{1,2}):(\d{2})")
_LOOSE_TIME = re.compile(r"(\d{1,2})(?:[:.h](\d{2}))?\s*([ap])\.?m\.?|(\d{1,2})[.h](\d{2})?", re.IGNORECASE)
_LONGEST = 1000  # characters of anything that is read further; the readers may take their time
_MIDNIGHT_HOUR = 24
_NOON_HOUR = 12
_LAST_MINUTE = 59


def text(value: Any, allowed: str) -> str:
    """Return *value* if it is text; otherwise say what is allowed."""
    if not isinstance(value, str):
        msg = f"{what(value)} is not {allowed}"
        raise ValueError(msg)  # noqa: TRY004 - pydantic turns ValueError alone into a message
    if len(value) > _LONGEST:
        msg = f"has {len(value)} characters; {_LONGEST} are enough"
        raise ValueError(msg)
    return value.strip()


def duration(value: Any) -> float:
    """Read a duration above zero, in seconds."""
    seconds = parse_duration(_number_or_text(value, "a duration; write a number with a unit, like 60s"))
    if seconds <= 0:
        msg = f"{value} is not a positive duration"
        raise ValueError(msg)
    return seconds


def comparison(value: Any) -> Comparison:
    """Read a comparison."""
    read = parse_comparison(text(value, f"a comparison; write {ALLOWED}"))
    if not math.isfinite(read.value) or (read.operator == "between" and not math.isfinite(read.upper)):
        msg = f"{what(value)} has a number that is too large"
        raise ValueError(msg)
    return read


def query_and_comparison(value: str) -> tuple[str, str]:
    """Read `up{job="api"} == 1`: a query, and a comparison with a number at its end.

    Only what stands outside quotes and brackets is looked at. A second comparison out there, or `and`, `or`,
    `unless`, would belong to the query, and leave out the series that do not hold: those need brackets.
    """
    written = text(value, "a query with a comparison at its end, like `up == 1`")
    outside = _outside(written)
    match = _LAST_COMPARISON.fullmatch(outside)
    if match is None or _JOINS.search(match[1]):
        msg = (
            f"{what(written)} is not a query with one comparison with a number at its end; "
            'write `up == 1`, put brackets around the rest, or write {query: ..., expect: "== 1"}'
        )
        raise ValueError(msg)
    return written[: match.end(1)], written[match.start(2) :]


def unfiltered_query(value: Any) -> str:
    """Read a query that does not leave out the very series that do not hold, as `up == 1` does."""
    written = text(value, "a query; put it in quotes")
    inner = written
    while inner.startswith("(") and not _outside(inner).strip("_"):
        inner = inner[1:-1].strip()  # brackets around the whole
    if _FILTERS.search(_outside(inner)):
        msg = f"{what(written)} leaves out the series that do not hold; write the comparison as `expect`"
        raise ValueError(msg)
    return written


def _outside(query: str) -> str:
    """Blank out what stands in quotes and brackets; every character keeps its place."""
    left = _QUOTED.sub(lambda quoted: "_" * len(quoted[0]), query)
    while True:
        blanked = _BRACKETED.sub(lambda inside: "_" * len(inside[0]), left)
        if blanked == left:
            break
        left = blanked
    if re.search(r"[()\[\]{}\"'`]", left):
        msg = f"{what(query)} has a bracket or a quote without its other half"
        raise ValueError(msg)
    return left


def times(value: Any) -> float:
    """Read how many times too fast something may be: a number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value < math.inf:
        msg = f"{what(value)} is not a burn rate; write a number of at least 1, like 14.4"
        raise ValueError(msg)
    return float(value)


def percentage(value: Any) -> float:
    """Read 10 or "10%": above 0, up to 100."""
    number = value
    if isinstance(value, str):
        try:
            number = float(value.strip().removesuffix("%"))
        except ValueError:
            number = None
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number <= 100:  # noqa: PLR2004
        msg = f"{what(value)} is not a percentage above 0 and up to 100, like 10 or 10%"
        raise ValueError(msg)
    return float(number)


def days(value: Any) -> frozenset[int]:
    """Read weekdays (Monday is 1): Mon-Thu, "Mon, Wed", or a list of both."""
    parts = (
        value if isinstance(value, list) else text(value, "weekdays; write Mon-Fri or [Mon, Wed]").split(",")
    )
    found: set[int] = set()
    for part in parts:
        first, dash, last = text(part, "a weekday; write Mon-Fri or [Mon, Wed]").partition("-")
        start, end = _day(first), _day(last if dash else first)
        found |= {(start + step) % 7 + 1 for step in range((end - start) % 7 + 1)}
    if not found:
        msg = "needs at least one weekday, like Mon-Fri"
        raise ValueError(msg)
    return frozenset(found)


def start_time(value: Any) -> time:
    """Read a time of day, 00:00 to 23:59."""
    hour, minute = _hour_and_minute(value)
    if hour == _MIDNIGHT_HOUR:
        msg = '24:00 can only be an end; did you mean "00:00"?'
        raise ValueError(msg)
    return time(hour, minute)


def end_time(value: Any) -> time | None:
    """Read a time of day, 00:00 to 24:00; None is 24:00, the midnight at the end of the day."""
    hour, minute = _hour_and_minute(value)
    return None if hour == _MIDNIGHT_HOUR else time(hour, minute)


def day_or_instant(value: Any) -> date | datetime:
    """Read 2026-12-24, 2026-12-24T18:00 (in the policy's zone) or 2026-12-24T18:00Z."""
    allowed = "a date; write 2026-12-24, 2026-12-24T18:00 or 2026-12-24T18:00+01:00"
    written = text(value, allowed)
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", written):
            return date.fromisoformat(written)
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?([+-]\d{2}:\d{2}|Z)?", written):
            return datetime.fromisoformat(written)
    except ValueError as error:
        msg = f"{what(written)} is not {allowed} ({error})"
        raise ValueError(msg) from None
    msg = f"{what(written)} is not {allowed}"
    raise ValueError(msg)


def time_zone(value: Any) -> str:
    """Check the name of an IANA time zone."""
    from zoneinfo import ZoneInfo, available_timezones

    name = text(value, "a time zone; write an IANA name like Europe/Paris")
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        zones = available_timezones()
        by_city = {zone.rpartition("/")[2]: zone for zone in sorted(zones)}
        city = by_city.get(nearest(name.rpartition("/")[2].replace(" ", "_"), by_city), "")
        hint = did_you_mean(name, zones) or (f'; did you mean "{city}"?' if city else "")
        msg = f"{what(name)} is not a time zone; write an IANA name like Europe/Paris{hint}"
        raise ValueError(msg) from None
    return name


def selector(value: Any) -> str:
    """Check a label selector that is not empty."""
    written = text(value, "a label selector, like app=checkout")
    if not written:
        msg = "must not be empty, because an empty selector matches everything"
        raise ValueError(msg)
    parse_selector(written)
    return written


def regular_expression(value: Any) -> str:
    """Check a regular expression."""
    written = text(value, "a regular expression; put it in quotes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "error"
            )  # what Python warns of, such as [[a], will mean something else one day
            re.compile(written)
    except (re.error, Warning, OverflowError, RecursionError) as error:
        msg = f"{what(written)} is not a regular expression: {error}"
        raise ValueError(msg) from None
    return written


def with_placeholders(value: Any) -> str:
    """Check text in which placeholders stand for secrets; they are filled in only when used."""
    written = value if isinstance(value, str) else text(value, "text; put it in quotes")
    if START in without_placeholders(written):
        msg = f"{what(written)} has a broken placeholder; write {FORMS}"
        raise ValueError(msg)
    return written


def has_placeholder(written: str) -> bool:
    """Say whether *written* takes something from elsewhere."""
    return bool(placeholders_in(written))


def _number_or_text(value: Any, allowed: str) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)  # refused by the parser, with the unit it lacks
    return text(value, allowed)


def _day(name: str) -> int:
    word = name.strip()
    for names in (DAYS, _LONG_DAYS):
        for index, known in enumerate(names):
            if known.lower() == word.lower():
                return index
    index_of = {known: index for names in (DAYS, _LONG_DAYS) for index, known in enumerate(names)}
    near = nearest(word, index_of)
    hint = f'; did you mean "{DAYS[index_of[near]]}"?' if near else ""
    msg = f"{what(word)} is not a weekday; write {', '.join(DAYS)}{hint}"
    raise ValueError(msg)


def _hour_and_minute(value: Any) -> tuple[int, int]:
    written = text(value, "a time of day; write it like 09:00")
    if match := _TIME.fullmatch(written):
        hour, minute = int(match[1]), int(match[2])
        if (hour < _MIDNIGHT_HOUR and minute <= _LAST_MINUTE) or (hour, minute) == (_MIDNIGHT_HOUR, 0):
            return hour, minute
    msg = f"{what(written)} is not a time of day; write 00:00 to 24:00{_meant_time(written)}"
    raise ValueError(msg)


def _meant_time(written: str) -> str:
    match = _LOOSE_TIME.fullmatch(written)
    if match is None:
        return ""
    hour, minute = int(match[1] or match[4]), int(match[2] or match[5] or 0)
    if match[3]:
        hour = hour % _NOON_HOUR + (_NOON_HOUR if match[3].lower() == "p" else 0)
    return (
        f'; did you mean "{hour:02}:{minute:02}"?' if hour < _MIDNIGHT_HOUR and minute <= _LAST_MINUTE else ""
    )
