"""Facts for a gate, and what a gate makes of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Generic, TypeVar

Value_co = TypeVar("Value_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Fact(Generic[Value_co]):
    """One thing observed for a gate, or the reason why it could not be. Exactly one of the two is set."""

    observed_at: datetime
    value: Value_co | None = None
    error: str = ""

    @property
    def known(self) -> bool:
        """Say whether the observation succeeded."""
        return not self.error and self.value is not None


class Outcome(IntEnum):
    """Ordered from best to worst: the worst of several is their maximum. Only ALLOW lets a run start."""

    ALLOW = 0
    UNKNOWN = 1
    DENY = 2


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen against what is allowed, as text, and until when a refusal lasts if that is known."""

    observed: str = ""
    limit: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What one guardrail says about one run."""

    guardrail: str
    outcome: Outcome
    reason: str  # one sentence
    evidence: Evidence = field(default_factory=Evidence)


def worst(decisions: Iterable[Decision]) -> Outcome:
    """Return the worst outcome; no decision at all is UNKNOWN, because nothing was checked."""
    return max((decision.outcome for decision in decisions), default=Outcome.UNKNOWN)


def objections(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """Return every decision that is not ALLOW, the worst first."""
    return tuple(sorted((d for d in decisions if d.outcome is not Outcome.ALLOW), key=lambda d: -d.outcome))
