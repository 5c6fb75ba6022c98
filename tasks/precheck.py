"""May it start? Gather the facts, ask every guardrail, report every objection."""

from collections.abc import Sequence
from dataclasses import replace

from guardrails import CHAIN, LAST_MOMENT, Guardrail, decide_all, facts_needed
from guardrails.facts import Facts
from guardrails.layers import layers
from guardrails.watch import facts_watched
from tasks.facts import OF_THE_POLICY, gather
from tasks.known_facts import KnownFacts
from tasks.live_run import LiveRun
from tasks.prospect import Prospect
from tasks.step import Ending, step
from windtunnel.model.decision import Decision, Outcome, objections, worst
from windtunnel.model.policy import Policy
from windtunnel.model.record import EventKind


@step("precheck")
def precheck(run: LiveRun) -> Ending:
    """Ask every guardrail; unless all allow, the run ends as blocked and nothing was touched."""
    decisions = decide(run, CHAIN, known=run.known)
    for decision in decisions:
        run.happened(
            EventKind.DECISION,
            f"{decision.guardrail}: {decision.reason}",
            guardrail=decision.guardrail,
            outcome=decision.outcome.name.lower(),
            reason=decision.reason,
            observed=decision.evidence.observed,
            limit=decision.evidence.limit,
            until=decision.evidence.until.isoformat() if decision.evidence.until else None,
        )
    if worst(decisions) is Outcome.ALLOW:
        return Ending(go_on=True, name="Allowed", message=f"{len(decisions)} guardrails allow it.")
    message = refuse(run, decisions)
    return Ending(go_on=False, name="Refused", message=message)


def recheck(run: LiveRun) -> str:
    """Ask once more at the last moment, with fresh facts; return the refusal, or "" if there is none."""
    decisions = decide(run, LAST_MOMENT, known=run.known)
    return "" if worst(decisions) is Outcome.ALLOW else refuse(run, decisions)


def decide(
    run: Prospect, chain: Sequence[Guardrail] = CHAIN, *, known: KnownFacts | None = None
) -> tuple[Decision, ...]:
    """Gather fresh facts and ask every guardrail of *chain*, once for each policy above the run.

    With *known*, the facts that are watched later on are kept there: the watch begins with them.
    """
    found: list[Decision] = []
    shared = Facts()
    for policy, experiment in layers(run.policy, run.experiment):
        needed = facts_needed(chain) | (facts_watched(policy) if known else frozenset())
        missing = needed - shared.by_name.keys()
        facts = Facts({**shared.by_name, **gather(run, missing, policy=policy).by_name})
        shared = Facts({name: fact for name, fact in facts.by_name.items() if name not in OF_THE_POLICY})
        if known:
            known.learn([policy], facts)
        decisions = decide_all(policy, experiment, facts, run.clock.now(), chain=chain)
        found += [_of(policy, each) for each in decisions] if run.policy.ceiling else decisions
    return tuple(found)


def _of(policy: Policy, decision: Decision) -> Decision:
    """Say which of several policies an objection comes from."""
    if decision.outcome is Outcome.ALLOW:
        return decision
    return replace(decision, reason=f"{decision.reason} ({policy.source or 'built-in rules'})")


def refuse(run: LiveRun, decisions: Sequence[Decision]) -> str:
    """Put the objections among *decisions* on record, and return the first in a sentence."""
    against = objections(decisions)
    sentences = [f"{decision.guardrail}: {decision.reason}" for decision in against]
    more = f" (and {len(against) - 1} more)" if len(against) > 1 else ""
    message = f"{against[0].reason}{more}"
    until = [decision.evidence.until for decision in against]
    run.happened(
        EventKind.BLOCKED,
        message,
        objections=sentences,
        # only when every objection has an end is it known when the run may start
        until=max(filter(None, until)).isoformat() if all(until) else None,
    )
    return message
