"""Node selectors and node affinity: which nodes a pod asks for."""

from collections.abc import Mapping, Sequence
from typing import Any

from infra.lab.client import Object
from infra.lab.objects.selectors import Requirement

_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!", "Gt": "gt", "Lt": "lt"}


def wants_node(spec: Object, node: Object) -> bool:
    """Whether a pod with this spec accepts a node by its selector and its required affinity."""
    labels = node["metadata"].get("labels") or {}
    selector = spec.get("nodeSelector") or {}
    if any(labels.get(key) != value for key, value in selector.items()):
        return False
    required = _affinity(spec).get("requiredDuringSchedulingIgnoredDuringExecution")
    return required is None or any(
        _term_holds(term, node) for term in required.get("nodeSelectorTerms") or ()
    )


def preference(spec: Object, node: Object) -> int:
    """The weight of the preferred terms that a node meets."""
    preferred = _affinity(spec).get("preferredDuringSchedulingIgnoredDuringExecution") or ()
    return sum(int(one["weight"]) for one in preferred if _term_holds(one["preference"], node))


def _affinity(spec: Object) -> Mapping[str, Any]:
    return (spec.get("affinity") or {}).get("nodeAffinity") or {}


def _term_holds(term: Mapping[str, Any], node: Object) -> bool:
    expressions: Sequence[Mapping[str, Any]] = term.get("matchExpressions") or ()
    fields: Sequence[Mapping[str, Any]] = term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    labels = node["metadata"].get("labels") or {}
    named = {"metadata.name": node["metadata"]["name"]}
    return all(_holds(one, labels) for one in expressions) and all(_holds(one, named) for one in fields)


def _holds(expression: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    operator = _OPERATORS[expression["operator"]]
    return Requirement(expression["key"], operator, frozenset(expression.get("values") or ())).holds(values)
