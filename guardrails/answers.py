"""The three answers a guardrail can give, in one line each."""

from datetime import datetime

from guardrails.facts import Unusable
from windtunnel.model.decision import Decision, Evidence, Outcome


def allow(guardrail: str, reason: str, *, observed: str = "", limit: str = "") -> Decision:
    """Answer that this guardrail has no objection."""
    return Decision(guardrail, Outcome.ALLOW, reason, Evidence(observed, limit))


def deny(
    guardrail: str, reason: str, *, observed: str = "", limit: str = "", until: datetime | None = None
) -> Decision:
    """Answer that this guardrail refuses; *until* says from when on it no longer does, if that is known."""
    return Decision(guardrail, Outcome.DENY, reason, Evidence(observed, limit, until))


def unknown(guardrail: str, unusable: Unusable) -> Decision:
    """Answer that this guardrail cannot tell, and therefore refuses."""
    return Decision(guardrail, Outcome.UNKNOWN, f"Cannot check {guardrail}: {unusable.reason}.")
