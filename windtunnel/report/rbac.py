"""Rights as the RBAC objects that grant them, and nothing more."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from windtunnel.faults.shape import Rule

GROUP = "rbac.authorization.k8s.io"
NAME = "windtunnel"


def rbac_objects(
    grants: Iterable[tuple[Rule, str]], *, account: str, namespace: str
) -> tuple[dict[str, Any], ...]:
    """Return the least roles and bindings that grant *grants* (rules with their namespace, "" for all).

    Args:
        grants: What is needed, and where.
        account: The service account that needs it.
        namespace: Where that service account is.
    """
    by_place: dict[str, list[Rule]] = {}
    for rule, where in grants:
        by_place.setdefault("" if rule.cluster_wide else where, []).append(rule)
    subjects = [{"kind": "ServiceAccount", "name": account, "namespace": namespace}]
    found: list[dict[str, Any]] = []
    for place, rules in sorted(by_place.items()):
        kind = "Role" if place else "ClusterRole"
        metadata = {"name": NAME, **({"namespace": place} if place else {})}
        api = f"{GROUP}/v1"
        reference = {"apiGroup": GROUP, "kind": kind, "name": NAME}
        found += [
            {"apiVersion": api, "kind": kind, "metadata": metadata, "rules": list(_merged(rules))},
            {
                "apiVersion": api,
                "kind": f"{kind}Binding",
                "metadata": metadata,
                "roleRef": reference,
                "subjects": subjects,
            },
        ]
    return tuple(found)


def _merged(rules: Iterable[Rule]) -> Iterator[Mapping[str, Any]]:
    """Yield one rule for each group and set of verbs, with all resources that have just these verbs."""
    verbs: dict[tuple[str, str], set[str]] = {}
    for rule in rules:
        for resource in rule.resources:
            verbs.setdefault((rule.api_group, resource), set()).update(rule.verbs)
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (group, resource), allowed in sorted(verbs.items()):
        alike.setdefault((group, tuple(sorted(allowed))), []).append(resource)
    for (group, same), resources in alike.items():
        yield {"apiGroups": [group], "resources": resources, "verbs": list(same)}
