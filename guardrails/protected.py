"""The protected list: namespaces and services that are never hit, whatever an experiment says."""

from collections.abc import Mapping
from datetime import datetime

from guardrails.answers import allow, deny, unknown
from guardrails.facts import TARGET, Facts, TargetSummary, Unusable
from windtunnel.model.decision import Decision
from windtunnel.model.experiment import Experiment
from windtunnel.model.policy import Policy, Protected
from windtunnel.model.selector import parse_selector

NAME = "protected"
NEEDS: tuple[str, ...] = (TARGET.name,)
ALWAYS = frozenset({"kube-system", "kube-public", "kube-node-lease", "windtunnel"})
"""Namespaces that no policy can take off the list: the cluster's own, and where undo tickets are kept."""


def decide(policy: Policy, experiment: Experiment, facts: Facts, now: datetime) -> Decision:
    """Refuse a run that would hit anything that the list names: by namespace, by service, or by label."""
    target = facts.read(TARGET, now=now)
    if isinstance(target, Unusable):
        return unknown(NAME, target)
    hits = (
        *protected_hits(policy.protected, target, namespace=experiment.target.namespace),
        *labelled_hits(policy.protected, target),
    )
    limit = _limit(policy.protected)
    if not hits:
        return allow(NAME, "Nothing protected would be hit.", limit=limit)
    return deny(NAME, f"Protected: {'; '.join(hits)}.", observed="; ".join(hits), limit=limit)


def protected_hits(protected: Protected, target: TargetSummary, *, namespace: str = "") -> tuple[str, ...]:
    """Name every protected thing that *target* includes.

    An entry of `services` protects the Service of that name and the workload of that name, in every
    namespace; "shop/payment" protects them in that namespace alone, and "deployment/payment" that kind alone.
    """
    namespaces = {target.namespace, namespace, *target.namespaces} - {""}
    hits = [f"namespace {name}" for name in sorted(namespaces & (protected.namespaces | ALWAYS))]
    hits += [f"service {name}" for name in sorted(target.services) if _is_listed(name, protected)]
    hits += [
        f"workload {name}"
        for name in sorted(target.workloads)
        if _is_listed_workload(name, protected, namespaces)
    ]
    return tuple(hits)


def labelled_hits(protected: Protected, target: TargetSummary) -> tuple[str, ...]:
    """Name every selector of `labels` that a namespace, workload, pod or node to be hit satisfies."""
    carriers = [
        *((f"namespace {name}", labels) for name, labels in _namespaces(target).items()),
        *target.owner_labels.items(),
        *((f"node {name}", labels) for name, labels in target.node_labels.items()),
        *(("a pod to be hit", labels) for labels in target.pod_labels),
    ]
    return tuple(
        f"{name} is labelled {written}"
        for written in protected.labels
        for name, labels in carriers
        if parse_selector(written).matches(labels)
    )


def _namespaces(target: TargetSummary) -> Mapping[str, Mapping[str, str]]:
    return {target.namespace: target.namespace_labels, **target.labels_of_namespaces}


def _is_listed(service: str, protected: Protected) -> bool:
    return bool({service, service.rpartition("/")[2]} & protected.services)


def _is_listed_workload(workload: str, protected: Protected, namespaces: set[str]) -> bool:
    """*workload* is "deployment/checkout"; in which of the namespaces is not known, so any counts."""
    name = workload.rpartition("/")[2]
    return bool({workload, name, *(f"{space}/{name}" for space in namespaces)} & protected.services)


def _limit(protected: Protected) -> str:
    namespaces = ", ".join(sorted(protected.namespaces | ALWAYS))
    services = ", ".join(sorted(protected.services)) or "none"
    labels = ", ".join(protected.labels)
    return f"namespaces: {namespaces}; services: {services}" + (f"; labels: {labels}" if labels else "")
