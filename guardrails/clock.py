"""Clock: windows, leases and facts are judged by this machine's clock, so it must be right."""

from dataclasses import dataclass
from datetime import datetime

from guardrails.answers import allow, deny, unknown
from guardrails.facts import FactKey, Facts, Unusable
from windtunnel.model.decision import Decision
from windtunnel.model.experiment import Experiment
from windtunnel.model.policy import Policy

NAME = "clock"
LIMIT_S = 5.0


@dataclass(frozen=True, slots=True)
class ClockSkew:
    """Seconds by which this clock is ahead of the API server's, at the least; negative when it is behind."""

    seconds: float = 0.0


SKEW = FactKey("clock_skew", ClockSkew, max_age_s=60.0)
NEEDS: tuple[str, ...] = (SKEW.name,)


def decide(policy: Policy, experiment: Experiment, facts: Facts, now: datetime) -> Decision:  # noqa: ARG001 - one shape for all
    """Refuse when this clock and the API server's differ by more than a lease can bear."""
    skew = facts.read(SKEW, now=now)
    if isinstance(skew, Unusable):
        return unknown(NAME, skew)
    observed, limit = f"{abs(skew.seconds):.1f} s apart", f"{LIMIT_S:g} s"
    if abs(skew.seconds) <= LIMIT_S:
        return allow(NAME, "This clock and the API server's agree.", observed=observed, limit=limit)
    side = "ahead of" if skew.seconds > 0 else "behind"
    return deny(
        NAME,
        f"This machine's clock is {abs(skew.seconds):.1f} s {side} the API server's > {LIMIT_S:g} s; "
        "windows and leases are judged by it, so set it (with NTP).",
        observed=observed,
        limit=limit,
    )
