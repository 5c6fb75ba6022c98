"""Frequency: time passes between two runs that hit the same thing, and a day has only so many runs."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from guardrails.answers import allow, deny, unknown
from guardrails.facts import FactKey, Facts, Unusable
from guardrails.hours import first_instant, show
from windtunnel.model.decision import Decision
from windtunnel.model.duration import format_duration
from windtunnel.model.experiment import Experiment
from windtunnel.model.history import History, PastRun
from windtunnel.model.policy import Policy

NAME = "frequency"


@dataclass(frozen=True, slots=True)
class Past:
    """The runs that injected on this cluster, without the one that asks; and what that one would hit."""

    history: History = field(default_factory=History)
    hit: frozenset[str] = frozenset()


HISTORY = FactKey("history", Past, max_age_s=30.0)
NEEDS: tuple[str, ...] = (HISTORY.name,)


@dataclass(frozen=True, slots=True)
class _Excess:
    clause: str
    observed: str
    limit: str
    until: datetime


def decide(policy: Policy, experiment: Experiment, facts: Facts, now: datetime) -> Decision:  # noqa: ARG001 - one shape for all
    """Refuse a run too soon after another on the same thing, and one too many on one day.

    What is recorded in the future counts: a clock is wrong, and nobody can say which.
    """
    if not limits(policy):
        return allow(NAME, "The policy names no min_interval and no runs_per_day.")
    past = facts.read(HISTORY, now=now)
    if isinstance(past, Unusable):
        return unknown(NAME, past)
    return judge(policy, past, now)


def limits(policy: Policy) -> bool:
    """Say whether *policy* limits how often runs inject at all."""
    return bool(policy.min_interval_s) or policy.caps.runs_per_day is not None


def judge(policy: Policy, past: Past, now: datetime) -> Decision:
    """Answer for a run that would inject at *now*, after those of *past*."""
    excesses = [excess for excess in (_too_soon(policy, past, now), _too_many(policy, past, now)) if excess]
    if not excesses:
        today = len(_today(policy, past.history, now))
        return allow(NAME, "Not too often.", observed=f"{today} today", limit=_limit(policy))
    until = max(excess.until for excess in excesses)
    return deny(
        NAME,
        f"Too often: {'; '.join(excess.clause for excess in excesses)}. "
        f"The next run may inject from {show(until, policy.timezone)} on.",
        observed="; ".join(excess.observed for excess in excesses),
        limit="; ".join(excess.limit for excess in excesses),
        until=until,
    )


def _too_soon(policy: Policy, past: Past, now: datetime) -> _Excess | None:
    interval = timedelta(seconds=policy.min_interval_s)
    last = max((run for run in past.history.runs if run.hit & past.hit), key=lambda run: run.at, default=None)
    forgotten = past.history.forgotten_until
    if forgotten and (last is None or last.at < forgotten):
        last = PastRun("a run whose record was dropped", forgotten)
    if not interval or last is None or last.at + interval <= now:
        return None
    things = sorted(last.hit & past.hit) or ["the target"]
    more = f" and {len(things) - 1} more" if len(things) > 1 else ""
    ago = _ago(last.at, now)
    limit = f"min_interval {format_duration(policy.min_interval_s)}"
    clause = f"{things[0]}{more} was hit {ago} by {last.run_id}, less than the {limit}"
    return _Excess(clause, f"hit {ago}", limit, last.at + interval)


def _too_many(policy: Policy, past: Past, now: datetime) -> _Excess | None:
    most = policy.caps.runs_per_day
    if most is None:
        return None
    times = sorted((run.at for run in past.history.runs), reverse=True)
    forgotten = past.history.forgotten_until
    if forgotten:  # as many more as were needed to fill the day
        times = sorted((*times, *[forgotten] * most), reverse=True)
    if len(times) < most or times[most - 1] < _midnight(policy, now):
        return None
    count = sum(at >= _midnight(policy, now) for at in times)
    day = f"{now.astimezone(ZoneInfo(policy.timezone)):%a %Y-%m-%d} in {policy.timezone}"
    clause = f"would be run {count + 1} of {day} > cap {most}"
    return _Excess(clause, f"{count} runs today", f"{most} a day", _midnight(policy, times[most - 1], days=1))


def _today(policy: Policy, history: History, now: datetime) -> list[PastRun]:
    return [run for run in history.runs if run.at >= _midnight(policy, now)]


def _midnight(policy: Policy, at: datetime, *, days: int = 0) -> datetime:
    """Return when the day of *at* begins in the policy's zone, or one that many days later."""
    zone = ZoneInfo(policy.timezone)
    return first_instant(at.astimezone(zone).date() + timedelta(days=days), zone)


def _ago(at: datetime, now: datetime) -> str:
    seconds = round((now - at).total_seconds())
    ahead = f"{format_duration(-seconds)} in the future (check the clocks)"
    return f"{format_duration(seconds)} ago" if seconds >= 0 else ahead


def _limit(policy: Policy) -> str:
    found = []
    if policy.min_interval_s:
        found.append(f"min_interval {format_duration(policy.min_interval_s)}")
    if policy.caps.runs_per_day is not None:
        found.append(f"{policy.caps.runs_per_day} a day")
    return "; ".join(found)
