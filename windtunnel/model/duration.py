"""Durations as people write them: 500ms, 60s, 5m, 1h30m, 14d."""

import re

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[dhms])")
_WHOLE = re.compile(
    r"(?:\d+(?:\.\d+)?d)?(?:\d+(?:\.\d+)?h)?(?:\d+(?:\.\d+)?m)?(?:\d+(?:\.\d+)?s)?(?:\d+(?:\.\d+)?ms)?"
)
_BARE = re.compile(r"\d+(?:\.\d+)?")
_OTHER_UNIT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Zµ]+)\s*")
_LONG_NAMES = {
    "millis": "ms", "milliseconds": "ms", "millisecond": "ms", "msec": "ms",
    "sec": "s", "secs": "s", "second": "s", "seconds": "s",
    "min": "m", "mins": "m", "minute": "m", "minutes": "m",
    "hr": "h", "hrs": "h", "hour": "h", "hours": "h",
    "day": "d", "days": "d",
}  # fmt: skip
LONGEST_S = 366 * 86400.0
PATTERN = r"^(?=.)(\d+(\.\d+)?d)?(\d+(\.\d+)?h)?(\d+(\.\d+)?m)?(\d+(\.\d+)?s)?(\d+(\.\d+)?ms)?$"
ALLOWED = "a number with a unit, like 500ms, 60s, 5m, 1h30m or 14d"


def parse_duration(text: str, *, longest_s: float = LONGEST_S) -> float:
    """Return *text* in seconds.

    Units are ms, s, m, h and d, the largest first, each at most once. A bare number is refused, because
    nobody can say whether 5 meant seconds or minutes.

    Raises:
        ValueError: *text* is no duration; the message says what is allowed and what was probably meant.
    """
    if text and _WHOLE.fullmatch(text):
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
        if seconds > longest_s:
            msg = f"{text} is too long; the longest duration here is {format_duration(longest_s)}"
            raise ValueError(msg)
        return round(seconds, 6)
    msg = f'"{text}" is not a duration; write {ALLOWED}'
    if guess := _guess(text):
        msg += f'; did you mean "{guess}"?'
    raise ValueError(msg)


def _guess(text: str) -> str:
    """Return the duration that *text* was probably meant to be, or nothing."""
    if _BARE.fullmatch(text):
        return f"{text}s"
    if match := _OTHER_UNIT.fullmatch(text):
        unit = match[2].lower()
        unit = _LONG_NAMES.get(unit, unit)
        if unit in _UNITS:
            return f"{match[1]}{unit}"
    squeezed = re.sub(r"[\s,]+", "", text.lower())
    return squeezed if squeezed != text and _WHOLE.fullmatch(squeezed) else ""


def format_duration(seconds: float) -> str:
    """Write *seconds* the way people write durations: 90 -> 1m30s, 0.25 -> 250ms."""
    millis = round(abs(seconds) * 1000)
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, millis = divmod(millis, size)
        if count:
            parts.append(f"{count}{unit}")
    return ("-" if seconds < 0 and parts else "") + ("".join(parts) or "0s")
