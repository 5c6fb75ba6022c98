"""Windows: a run starts and recovers within the hours its owners allow."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from guardrails.answers import allow, deny
from guardrails.facts import Facts
from guardrails.hours import Span, needed, open_spans, show
from guardrails.stop import Stop
from windtunnel.model.decision import Decision, Evidence
from windtunnel.model.duration import format_duration
from windtunnel.model.experiment import Experiment
from windtunnel.model.policy import Policy, Window

NAME = "window"
NEEDS: tuple[str, ...] = ()
_NO_TIME = timedelta(0)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def decide(policy: Policy, experiment: Experiment, facts: Facts, now: datetime) -> Decision:  # noqa: ARG001 - one shape for all
    """Refuse a run that is outside its windows, or would not have recovered before they close.

    With windows in the policy a run must be inside one of them; if the experiment names one, inside that one.
    """
    wanted = experiment.schedule.window
    if wanted and wanted not in policy.windows:
        names = ", ".join(policy.windows) or "none"
        return deny(
            NAME,
            f'The window "{wanted}" is not in the policy (it has: {names}).',
            observed=wanted,
            limit=names,
        )
    if not policy.windows:
        return allow(NAME, "The policy has no windows, so every hour is allowed.")
    windows = allowed_windows(policy, experiment)
    lasting = needed(experiment)
    spans = open_spans(windows, around=now, lasting=lasting)
    here = next((span for span in spans if span.holds(now)), None)
    until = next(
        (span.start for span in spans if span.start > now and span.start + lasting <= span.end), None
    )
    if here is None:
        return deny(
            NAME,
            f"{show(now, policy.timezone)} is outside {_names(windows)}{_next(until, policy)}.",
            observed=show(now, policy.timezone),
            limit=describe_all(windows),
            until=until,
        )
    if now + lasting > here.end:
        return _too_late(policy, windows, here, now=now, needs=lasting.total_seconds(), until=until)
    return allow(
        NAME,
        f"Open until {show(here.end, policy.timezone)}.",
        observed=show(now, policy.timezone),
        limit=describe_all(windows),
    )


def stops(policy: Policy, experiment: Experiment, facts: Facts, now: datetime) -> tuple[Stop, ...]:  # noqa: ARG001 - one shape for all
    """Stop a run whose window has closed."""
    if not policy.windows:
        return ()
    windows = allowed_windows(policy, experiment)
    spans = open_spans(windows, around=now, lasting=_NO_TIME)
    if any(span.holds(now) for span in spans):
        return ()
    closed = max((span.end for span in spans if span.end <= now), default=now)
    shown = describe_all(windows) or f"no window named {experiment.schedule.window}"
    evidence = Evidence(show(now, policy.timezone), shown)
    return (Stop("window", f"The window has closed: {shown}.", closed, evidence),)


def allowed_windows(policy: Policy, experiment: Experiment) -> Sequence[Window]:
    """Return the windows in which *experiment* may run: the one it names, or any."""
    if wanted := experiment.schedule.window:
        return [policy.windows[wanted]] if wanted in policy.windows else []
    return list(policy.windows.values())


def describe(window: Window) -> str:
    """Write a window in one line: office-hours Mon-Thu 09:00-16:00 Europe/Paris."""
    end = f"{window.end:%H:%M}" if window.end is not None else "24:00"
    return f"{window.name} {_days(window.days)} {window.start:%H:%M}-{end} {window.timezone}"


def describe_all(windows: Iterable[Window]) -> str:
    """Write several windows in one line."""
    return "; ".join(describe(window) for window in windows)


def _too_late(
    policy: Policy,
    windows: Sequence[Window],
    here: Span,
    *,
    now: datetime,
    needs: float,
    until: datetime | None,
) -> Decision:
    left = (here.end - now).total_seconds()
    return deny(
        NAME,
        f"The run needs {format_duration(needs)} > {format_duration(left)} that are left of "
        f"{_names(windows)}{_next(until, policy)}.",
        observed=f"needs {format_duration(needs)}",
        limit=f"{format_duration(left)} left",
        until=until,
    )


def _names(windows: Sequence[Window]) -> str:
    names = ", ".join(window.name for window in windows)
    return f"the window {names}" if len(windows) == 1 else f"the windows {names}"


def _next(until: datetime | None, policy: Policy) -> str:
    if until is None:
        return "; no opening is long enough for it"
    return f"; the next opening that is long enough starts {show(until, policy.timezone)}"


def _days(days: frozenset[int]) -> str:
    """Write days with runs joined: Mon-Thu, Sat."""
    parts: list[list[int]] = []
    for day in sorted(days):
        if parts and parts[-1][-1] == day - 1:
            parts[-1].append(day)
        else:
            parts.append([day])
    return ",".join(
        _DAYS[run[0] - 1] if len(run) == 1 else f"{_DAYS[run[0] - 1]}-{_DAYS[run[-1] - 1]}" for run in parts
    )
