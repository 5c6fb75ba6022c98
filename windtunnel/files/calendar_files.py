"""The calendar files that a policy names: found beside it, checked with it, and sent along with a run."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from windtunnel.files.hours_form import BlackoutEntry, CalendarEntry, HolidaysEntry
from windtunnel.files.ics import busy_in_calendar, check_holidays
from windtunnel.files.problems import FileError, Mistake
from windtunnel.files.reading import read_text
from windtunnel.model.errors import SourceError
from windtunnel.model.policy import Policy

_SOME_TIME = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=366))


def calendar_path(policy_source: str, file: str) -> str:
    """Return where a calendar named by a policy is: relative to the policy's own file."""
    return str(Path(policy_source).parent / Path(file).expanduser())


def read_calendars(policies: Iterable[Policy]) -> Mapping[str, str]:
    """Return the text of every calendar file that *policies* name, by its path.

    Raises:
        FileError: one cannot be read.
    """
    paths = {
        calendar_path(policy.source, source.file): None
        for policy in policies
        for source in policy.calendars
        if source.file
    }
    return {path: read_text(Path(path)) for path in paths}


def calendar_mistakes(entries: Iterable[BlackoutEntry], source: str) -> Iterator[Mistake]:
    """Yield what is wrong with the calendars of a policy file that is at hand.

    The files are looked at only where the policy itself is a file here: a run elsewhere brings their text.
    """
    here = bool(source) and Path(source).is_file()
    for index, entry in enumerate(entries):
        try:
            if isinstance(entry, HolidaysEntry):
                key = "holidays"
                check_holidays(entry.holidays)
            elif isinstance(entry, CalendarEntry) and here and "://" not in entry.calendar:
                key = "calendar"
                text = read_text(Path(calendar_path(source, entry.calendar)))
                busy_in_calendar(text, source=entry.calendar, reason="", zone="UTC", around=_SOME_TIME)
        except (SourceError, FileError) as error:
            yield Mistake(("blackouts", index, key), str(error).splitlines()[0])
