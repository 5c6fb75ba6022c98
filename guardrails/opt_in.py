"""Opt-in: only what its owners have labelled for experiments is ever hit."""

from datetime import datetime

from guardrails.answers import allow, deny, unknown
from guardrails.facts import TARGET, Facts, TargetSummary, Unusable
from windtunnel.model.decision import Decision
from windtunnel.model.experiment import Experiment
from windtunnel.model.policy import Policy
from windtunnel.model.selector import Selector, parse_selector

NAME = "opt_in"
NEEDS: tuple[str, ...] = (TARGET.name,)
_SHOWN = 5  # names in a message; the count of the rest follows


def decide(policy: Policy, experiment: Experiment, facts: Facts, now: datetime) -> Decision:
    """Refuse what does not carry the policy's label: workload or namespace for pods, each node for nodes.

    A workload that carries the label's key decides for itself: `enabled=false` on a workload outweighs
    `enabled=true` on its namespace, also where a selector or a drained node hits it among others.
    """
    target = facts.read(TARGET, now=now)
    if isinstance(target, Unusable):
        return unknown(NAME, target)
    try:
        selector = parse_selector(policy.opt_in)
    except ValueError as error:
        return unknown(NAME, Unusable(str(error)))
    if not selector.asks_for_a_label:
        return unknown(
            NAME, Unusable(f'the selector "{policy.opt_in}" is satisfied by things without any label')
        )
    missing = not_opted_in(selector, target, hits_nodes=bool(experiment.target.nodes))
    if not missing:
        return allow(NAME, f"Labelled {policy.opt_in}.", observed=policy.opt_in, limit=policy.opt_in)
    return deny(
        NAME,
        f"Not opted in: {missing} must be labelled {policy.opt_in}.",
        observed=f"no {policy.opt_in} on {missing}",
        limit=policy.opt_in,
    )


def not_opted_in(selector: Selector, target: TargetSummary, *, hits_nodes: bool) -> str:
    """Name what lacks the label, or has it with another value, or nothing."""
    if refusing := sorted(
        name
        for name, labels in target.owner_labels.items()
        if selector.keys & labels.keys() and not selector.matches(labels)
    ):
        return ", ".join(refusing[:_SHOWN])
    if hits_nodes or target.planned_nodes:
        missing = sorted(name for name, labels in target.node_labels.items() if not selector.matches(labels))
        if missing:
            return _nodes(missing)
        return "" if len(target.node_labels) >= target.planned_nodes else "a node whose labels were not read"
    own = target.workload_labels
    if selector.keys & own.keys():
        return "" if selector.matches(own) else "the workload"
    if selector.matches(target.namespace_labels):
        return ""
    return f"the workload or its namespace {target.namespace}".rstrip()


def _nodes(names: list[str]) -> str:
    more = len(names) - _SHOWN
    listed = ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
    return f"node {listed}" if len(names) == 1 else f"nodes {listed}"
