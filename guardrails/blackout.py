"""Blackouts: stretches of time in which nothing may run, not even its recovery."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from guardrails.answers import allow, deny
from guardrails.facts import Facts
from guardrails.hours import first_instant, needed, show
from windtunnel.model.decision import Decision
from windtunnel.model.experiment import Experiment
from windtunnel.model.policy import Blackout, Policy

NAME = "blackout"
NEEDS: tuple[str, ...] = ()


def decide(policy: Policy, experiment: Experiment, facts: Facts, now: datetime) -> Decision:  # noqa: ARG001 - one shape for all
    """Refuse a run that would touch a blackout before it has recovered."""
    end = now + needed(experiment)
    touched = [blackout for blackout in policy.blackouts if _overlaps(blackout, now, end)]
    if not touched:
        return allow(NAME, "No blackout before the run has recovered.")
    until = max(span(blackout)[1] for blackout in touched)
    what = "; ".join(_describe(blackout) for blackout in touched)
    return deny(
        NAME,
        f"Blackout: {what}.",
        observed=f"{show(now, policy.timezone)} to {show(end, policy.timezone)}",
        limit=what,
        until=until,
    )


def span(blackout: Blackout) -> tuple[datetime, datetime]:
    """Return the instants [from, to) of *blackout*; a date as its end includes that whole day."""
    zone = ZoneInfo(blackout.timezone)
    start, end = blackout.start, blackout.end
    begins = start if isinstance(start, datetime) else first_instant(start, zone)
    ends = end if isinstance(end, datetime) else first_instant(end + timedelta(days=1), zone)
    return _aware(begins, zone), _aware(ends, zone)


def _aware(at: datetime, zone: ZoneInfo) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=zone)


def _overlaps(blackout: Blackout, start: datetime, end: datetime) -> bool:
    begins, ends = span(blackout)
    return begins < end and start < ends


def _describe(blackout: Blackout) -> str:
    why = f" ({blackout.reason})" if blackout.reason else ""
    return f"{_bound(blackout.start)} to {_bound(blackout.end)}{why}"


def _bound(at: date | datetime) -> str:
    if isinstance(at, datetime) and at.time() != time(0):
        return f"{at:%Y-%m-%d %H:%M}"
    return f"{at:%Y-%m-%d}"
