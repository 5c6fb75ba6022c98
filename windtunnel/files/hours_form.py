"""Windows and blackouts of a policy file as pydantic models."""

from datetime import date, datetime, time
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    WithJsonSchema,
    model_validator,
)

from windtunnel.files import words
from windtunnel.files.form import Form, Text
from windtunnel.files.names import web_address
from windtunnel.files.problems import what

_HOUR_PATTERN = r"^([01]?\d|2[0-3]):[0-5]\d$|^24:00$"
_DAY_OR_INSTANT = WithJsonSchema({"type": "string", "examples": ["2026-12-24", "2026-12-24T18:00"]})
_DAYS = WithJsonSchema(
    {
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
        "examples": ["Mon-Thu", ["Mon", "Wed"]],
    }
)
_HOUR = WithJsonSchema({"type": "string", "pattern": _HOUR_PATTERN, "examples": ["09:00"]})


class WindowForm(Form):
    """Weekly hours, in the policy's time zone. An end at or before the start lies on the next day."""

    days: Annotated[frozenset[int], BeforeValidator(words.days), _DAYS] = Field(
        description="The weekdays on which it starts: Mon-Thu, or a list."
    )
    from_: Annotated[time, BeforeValidator(words.start_time), _HOUR] = Field(
        alias="from", description="00:00 to 23:59."
    )
    to: Annotated[time | None, BeforeValidator(words.end_time), _HOUR] = Field(
        description="Up to 24:00; not included."
    )

    @model_validator(mode="after")
    def _not_empty(self) -> "WindowForm":
        if self.from_ == self.to:
            msg = "from and to are the same; for a whole day write 00:00 and 24:00"
            raise ValueError(msg)
        return self


class SpanEntry(Form):
    """A stretch of time in which nothing runs."""

    from_: Annotated[date | datetime, BeforeValidator(words.day_or_instant), _DAY_OR_INSTANT] = Field(
        alias="from", description="The first day, or an instant."
    )
    to: Annotated[date | datetime, BeforeValidator(words.day_or_instant), _DAY_OR_INSTANT] = Field(
        description="The last day, which is included, or an instant, which is not."
    )
    reason: Text = Field(description="The reason that a refusal shows.")

    @model_validator(mode="after")
    def _forwards(self) -> "SpanEntry":
        first, last = self.from_, self.to
        ordered = str(first)[:10] <= str(last)[:10]
        if (
            isinstance(first, datetime)
            and isinstance(last, datetime)
            and bool(first.tzinfo) == bool(last.tzinfo)
        ):
            ordered = first < last
        if not ordered:
            msg = f"ends ({last}) before it begins ({first})"
            raise ValueError(msg)
        return self


def _calendar(value: Any) -> str:
    """Read the path of an .ics file, relative to the policy file, or its address."""
    written = words.text(value, "a calendar; write the path of an .ics file, or its address")
    if "://" in written:
        return web_address(written)
    if not written.endswith((".ics", ".ical")):
        msg = f"{what(written)} is not a calendar file; write the path of an .ics file, or its address"
        raise ValueError(msg)
    return written


class CalendarEntry(Form):
    """A calendar, each of whose entries is a blackout."""

    calendar: Annotated[str, BeforeValidator(_calendar), WithJsonSchema({"type": "string"})] = Field(
        description="An .ics file beside the policy, or its address.", examples=["freeze.ics"]
    )
    reason: Text | None = Field(None, description="Shown for entries that have no title.")


class HolidaysEntry(Form):
    """The public holidays of a country, or of a part of one, each of which is a blackout."""

    holidays: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")] = Field(
        description="ISO 3166 code of a country or a part of it.", examples=["FR", "DE-BY"]
    )


def blackout_kind(value: Any) -> str:
    """Return the tag of the kind of blackout that an entry is."""
    if isinstance(value, dict):
        for kind in ("calendar", "holidays"):
            if kind in value:
                return f"({kind})"
    return "(span)"


BlackoutEntry = Annotated[
    Annotated[SpanEntry, Tag("(span)")]
    | Annotated[CalendarEntry, Tag("(calendar)")]
    | Annotated[HolidaysEntry, Tag("(holidays)")],
    Discriminator(blackout_kind),
]
