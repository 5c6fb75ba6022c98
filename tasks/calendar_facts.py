"""The calendars of a policy: files that travel with the run, addresses, public holidays."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

from tasks.prospect import Prospect
from windtunnel.clients.http import HttpRequest, SilenceError, send, shown
from windtunnel.clock import Clock
from windtunnel.files.calendar_files import calendar_path
from windtunnel.files.ics import LARGEST, busy_in_calendar, busy_on_holidays
from windtunnel.files.reading import read_text
from windtunnel.model.calendar import Busy, Calendars
from windtunnel.model.errors import SourceError, WindtunnelError
from windtunnel.model.policy import Policy
from windtunnel.model.rule_sources import CalendarSource

TIMEOUT_S = 5.0
_BACK, _AHEAD = timedelta(days=2), timedelta(days=90)  # far enough to say when a run may start again
_OK = 200


def calendars(run: Prospect, policy: Policy) -> Calendars:
    """Read every calendar of *policy* at once; one that cannot be read is kept with its error."""
    if not policy.calendars:
        return Calendars()
    now = run.clock.now()
    around = (now - _BACK, now + _AHEAD)

    def read(source: CalendarSource) -> tuple[tuple[Busy, ...], str]:
        try:
            return _busy(run, policy, source, around), ""
        except WindtunnelError as error:
            return (), str(error)

    with ThreadPoolExecutor(max_workers=min(8, len(policy.calendars)), thread_name_prefix="calendar") as pool:
        found = list(pool.map(read, policy.calendars))
    busy = tuple(sorted(each for entries, _ in found for each in entries))
    return Calendars(busy, tuple(error for _, error in found if error))


def _busy(
    run: Prospect, policy: Policy, source: CalendarSource, around: tuple[datetime, datetime]
) -> tuple[Busy, ...]:
    if source.holidays:
        return busy_on_holidays(source.holidays, zone=source.timezone, around=around)
    text = _fetched(source.url, run.clock) if source.url else _brought(run, policy, source.file)
    name = shown(str(source))
    return busy_in_calendar(text, source=name, reason=source.reason, zone=source.timezone, around=around)


def _brought(run: Prospect, policy: Policy, file: str) -> str:
    """Return the text that came with the run, else the file itself: an installation's own policy is here."""
    path = calendar_path(policy.source, file)
    return run.calendars[path] if path in run.calendars else read_text(Path(path))


def _fetched(url: str, clock: Clock) -> str:
    try:
        answer = send(HttpRequest(url), clock, timeout_s=TIMEOUT_S, largest=LARGEST)
    except SilenceError as error:
        msg = f"the calendar {shown(url)}: {error}"
        raise SourceError(msg) from error
    if answer.status != _OK:
        msg = f"the calendar {shown(url)} answered {answer.status}"
        raise SourceError(msg)
    if answer.cut:
        msg = f"the calendar {shown(url)} is longer than {LARGEST} bytes"
        raise SourceError(msg)
    return answer.text
