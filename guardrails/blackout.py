"""Blackouts, written or in calendars: times in which nothing may run, not even its recovery."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from guardrails.answers import allow, deny, unknown
from guardrails.facts import FactKey, Facts, Unusable
from guardrails.hours import first_instant, needed, show
from guardrails.stop import Stop
from windtunnel.model.calendar import Busy, Calendars
from windtunnel.model.decision import Decision, Evidence
from windtunnel.model.experiment import Experiment
from windtunnel.model.policy import Blackout, Policy

NAME = "blackout"
CALENDARS = FactKey("calendars", Calendars, max_age_s=300.0)
NEEDS: tuple[str, ...] = (CALENDARS.name,)


def decide(policy: Policy, experiment: Experiment, facts: Facts, now: datetime) -> Decision:
    """Refuse a run that would touch a blackout or a calendar's entry before it has recovered."""
    calendars = facts.read(CALENDARS, now=now)
    lasting = needed(experiment)
    stretches = _all(policy, calendars)
    touched = [busy for busy in stretches if _overlaps(busy, now, now + lasting)]
    errors = (calendars.reason,) if isinstance(calendars, Unusable) else calendars.errors
    if touched:
        what = "; ".join((*map(str, touched), *errors))
        until = None if errors else _first_gap(stretches, now, lasting)
        observed = f"{show(now, policy.timezone)} to {show(now + lasting, policy.timezone)}"
        limit = "; ".join(_shown(busy, policy.timezone) for busy in touched)
        return deny(NAME, f"Blackout: {what}.", observed=observed, limit=limit, until=until)
    if errors:
        return unknown(NAME, Unusable("; ".join(errors)))
    return allow(NAME, "No blackout before the run has recovered.")


def stops(policy: Policy, experiment: Experiment, facts: Facts, now: datetime) -> tuple[Stop, ...]:  # noqa: ARG001 - one shape for all
    """Stop a run when a blackout or a calendar's entry begins, or when a calendar can no longer be read."""
    calendars: Calendars | Unusable = Calendars()
    if policy.calendars:
        calendars = facts.read(CALENDARS, now=now)
    found = [
        Stop(
            "window",
            f"A blackout has begun: {busy}.",
            busy.start,
            Evidence(show(now, policy.timezone), show(busy.end, policy.timezone)),
        )
        for busy in _all(policy, calendars)
        if busy.start <= now < busy.end
    ]
    errors = (calendars.reason,) if isinstance(calendars, Unusable) else calendars.errors
    if errors and not found:
        reason = f"A blackout can no longer be ruled out: {'; '.join(errors)}."
        found.append(Stop("sight", reason, now, Evidence("unknown", "no blackout")))
    return tuple(found)


def span(blackout: Blackout) -> tuple[datetime, datetime]:
    """Return the instants [from, to) of *blackout*; a date as its end includes that whole day."""
    zone = ZoneInfo(blackout.timezone)
    start, end = blackout.start, blackout.end
    begins = start if isinstance(start, datetime) else first_instant(start, zone)
    ends = end if isinstance(end, datetime) else first_instant(end + timedelta(days=1), zone)
    return _aware(begins, zone), _aware(ends, zone)


def _all(policy: Policy, calendars: Calendars | Unusable) -> tuple[Busy, ...]:
    written = (Busy(*span(entry), _describe(entry)) for entry in policy.blackouts)
    found = () if isinstance(calendars, Unusable) else calendars.busy
    return tuple(sorted((*written, *found), key=lambda busy: (busy.start, busy.end)))


def _first_gap(stretches: tuple[Busy, ...], now: datetime, lasting: timedelta) -> datetime:
    """Return the first moment from *now* on at which a run of that length touches none of *stretches*."""
    at = now
    for busy in stretches:  # in the order of their starts
        if _overlaps(busy, at, at + lasting):
            at = max(at, busy.end)
    return at


def _aware(at: datetime, zone: ZoneInfo) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=zone)


def _overlaps(busy: Busy, start: datetime, end: datetime) -> bool:
    return busy.start < end and start < busy.end


def _describe(blackout: Blackout) -> str:
    why = f" ({blackout.reason})" if blackout.reason else ""
    return f"{_bound(blackout.start)} to {_bound(blackout.end)}{why}"


def _shown(busy: Busy, zone: str) -> str:
    return f"{busy}: {show(busy.start, zone)} to {show(busy.end, zone)}" if busy.source else str(busy)


def _bound(at: date | datetime) -> str:
    if isinstance(at, datetime) and at.time() != time(0):
        return f"{at:%Y-%m-%d %H:%M}"
    return f"{at:%Y-%m-%d}"
