"""Freezes: while people have declared that nothing is to be changed, nothing is broken either."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from guardrails.answers import allow, deny, unknown
from guardrails.facts import TARGET, FactKey, Facts, TargetSummary, Unusable
from guardrails.hours import show
from guardrails.stop import Stop
from windtunnel.model.decision import Decision, Evidence
from windtunnel.model.declaration import Declaration, read_declaration
from windtunnel.model.experiment import Experiment
from windtunnel.model.policy import Policy

NAME = "freeze"


@dataclass(frozen=True, slots=True)
class Sign:
    """What one place says. Exactly one of *says* and *error* is set."""

    place: str  # "configmap ops/deployment-freeze"
    says: Declaration | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Freezes:
    """What the places that the policy names say, but for the annotations, which come with the target."""

    signs: tuple[Sign, ...] = ()


FREEZE = FactKey("freeze", Freezes, max_age_s=30.0)
NEEDS: tuple[str, ...] = (FREEZE.name, TARGET.name)


def decide(policy: Policy, experiment: Experiment, facts: Facts, now: datetime) -> Decision:  # noqa: ARG001 - one shape for all
    """Refuse while any place that the policy names declares a freeze, or cannot be read."""
    if policy.freeze is None:
        return allow(NAME, "The policy names no place where freezes are declared.")
    signs = tuple(_signs(policy, facts, now))
    frozen = [sign for sign in signs if sign.says and sign.says.holds(now)]
    errors = [f"{sign.place}: {sign.error}" for sign in signs if sign.error]
    if frozen:
        until = [sign.says.until for sign in frozen if sign.says]
        known = None if errors or not all(until) else max(at for at in until if at)
        what = "; ".join([_sentence(sign, policy.timezone) for sign in frozen] + errors)
        places = ", ".join(sign.place for sign in frozen)
        return deny(NAME, f"Frozen: {what}.", observed=places, limit="no freeze", until=known)
    if errors:
        return unknown(NAME, Unusable("; ".join(errors)))
    places = ", ".join(dict.fromkeys(sign.place for sign in signs))
    return allow(NAME, "No freeze is declared.", observed=places, limit="no freeze")


def stops(policy: Policy, experiment: Experiment, facts: Facts, now: datetime) -> tuple[Stop, ...]:
    """Stop a run when a freeze is declared, or can no longer be ruled out."""
    if policy.freeze is None:
        return ()
    decision = decide(policy, experiment, facts, now)
    if decision.outcome.name == "ALLOW":
        return ()
    by = "freeze" if decision.outcome.name == "DENY" else "sight"
    return (Stop(by, decision.reason, now, Evidence(decision.evidence.observed, "no freeze")),)


def watched(policy: Policy) -> tuple[str, ...]:
    """Return the facts that this policy's freezes are read from."""
    freeze = policy.freeze
    if freeze is None:
        return ()
    read = (FREEZE.name,) if freeze.configmap or freeze.variable or freeze.url else ()
    return (*read, *((TARGET.name,) if freeze.annotation else ()))


def _signs(policy: Policy, facts: Facts, now: datetime) -> Iterator[Sign]:
    freeze = policy.freeze
    if freeze is None:
        return
    if freeze.configmap or freeze.variable or freeze.url:
        read = facts.read(FREEZE, now=now)
        if isinstance(read, Unusable):
            yield Sign("the places of freezes", error=read.reason)
        else:
            yield from read.signs
    if freeze.annotation:
        target = facts.read(TARGET, now=now)
        yield from _annotations(freeze.annotation, target)


def _annotations(key: str, target: TargetSummary | Unusable) -> Iterator[Sign]:
    place = f"annotation {key}"
    if isinstance(target, Unusable):
        yield Sign(place, error=target.reason)
        return
    yield Sign(place, Declaration(declared=False))
    for name, annotations in sorted(target.annotations.items()):
        if key in annotations:
            yield Sign(f"{place} on {name}", read_declaration(annotations[key]))


def _sentence(sign: Sign, zone: str) -> str:
    told = sign.says or Declaration(declared=True)
    parts = (
        f": {told.reason}" if told.reason else "",
        f", by {told.by}" if told.by else "",
        f", until {show(told.until, zone)}" if told.until else "",
    )
    return sign.place + "".join(parts)
