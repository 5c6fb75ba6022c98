"""Incidents: while people fight one fire, no other is lit. From PagerDuty and from Alertmanager."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from guardrails.answers import allow, deny, unknown
from guardrails.facts import FactKey, Facts, Unusable
from guardrails.stop import Stop
from windtunnel.model.decision import Decision, Evidence
from windtunnel.model.experiment import Experiment
from windtunnel.model.policy import Policy

NAME = "incidents"
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Incident:
    """One open incident or firing alert. *since* is None where its source does not tell."""

    title: str
    since: datetime | None = None
    link: str = ""

    def __str__(self) -> str:
        since = f"since {self.since:%Y-%m-%d %H:%M} UTC" if self.since else ""
        return ", ".join(filter(None, (self.title, since, self.link)))


@dataclass(frozen=True, slots=True)
class Incidents:
    """What is open in one source now; empty where the policy does not name the source."""

    open: tuple[Incident, ...] = ()


PAGERDUTY = FactKey("pagerduty", Incidents, max_age_s=60.0)
ALERTS = FactKey("alerts", Incidents, max_age_s=60.0)
_WORDS = {PAGERDUTY.name: "open in PagerDuty", ALERTS.name: "firing in Alertmanager"}
NEEDS: tuple[str, ...] = (PAGERDUTY.name, ALERTS.name)


def decide(policy: Policy, experiment: Experiment, facts: Facts, now: datetime) -> Decision:  # noqa: ARG001 - one shape for all
    """Refuse while an incident is open or an alert fires that the policy names, or none can be ruled out."""
    asked = _asked(policy)
    if not asked:
        return allow(NAME, "The policy names no incidents or alerts to heed.")
    found: dict[str, Incidents | Unusable] = {}
    for key in asked:
        read = facts.read(key, now=now)
        found[key.name] = read
    errors = [read.reason for read in found.values() if isinstance(read, Unusable)]
    clauses = [
        f"{len(read.open)} {_WORDS[name]}: {_named(read.open)}"
        for name, read in found.items()
        if not isinstance(read, Unusable) and read.open
    ]
    if clauses:
        count = sum(len(read.open) for read in found.values() if not isinstance(read, Unusable))
        told = "; ".join((*clauses, *errors))
        return deny(NAME, f"Something is wrong already: {told}.", observed=f"{count} open", limit="none open")
    if errors:
        return unknown(NAME, Unusable("; ".join(errors)))
    return allow(NAME, "Nothing is open.", observed="none open", limit="none open")


def stops(policy: Policy, experiment: Experiment, facts: Facts, now: datetime) -> tuple[Stop, ...]:  # noqa: ARG001 - one shape for all
    """Stop a run when one opens that was not there before it, or when nobody can say any more."""
    found: list[Stop] = []
    for key in _asked(policy):
        read = facts.read(key, now=now)
        if isinstance(read, Unusable):
            reason = f"Incidents can no longer be ruled out: {read.reason}."
            found.append(Stop("sight", reason, now, Evidence("unknown", "none open")))
        elif read.open:
            since = min((each.since for each in read.open if each.since), default=now)
            reason = f"{len(read.open)} {_WORDS[key.name]}: {_named(read.open)}."
            found.append(Stop("incident", reason, since, Evidence(f"{len(read.open)} open", "none open")))
    return tuple(found)


def heeds(policy: Policy) -> bool:
    """Say whether the policy names incidents or alerts at all."""
    return bool(_asked(policy))


def _asked(policy: Policy) -> tuple[FactKey[Incidents], ...]:
    asked = ((policy.pagerduty, PAGERDUTY), (policy.alertmanager, ALERTS))
    return tuple(key for configured, key in asked if configured)


def _named(found: Sequence[Incident]) -> str:
    more = len(found) - _SHOWN
    return "; ".join(map(str, found[:_SHOWN])) + (f" and {more} more" if more > 0 else "")
