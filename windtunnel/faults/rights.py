"""Whether this account may do what a fault needs, asked of the cluster before anything is changed."""

from collections.abc import Iterable, Iterator

from windtunnel.clients.cluster import Cluster
from windtunnel.clients.kinds import Resource
from windtunnel.faults.shape import Rule

OWN = (  # in windtunnel's own namespace: undo tickets, history and lever; and leases
    Rule("", ("configmaps",), ("get", "list", "create", "patch", "delete")),
    Rule("coordination.k8s.io", ("leases",), ("get", "list", "create", "update", "delete")),
)


def missing_rights(cluster: Cluster, rules: Iterable[Rule], namespace: str) -> tuple[str, ...]:
    """Return each right in *rules* that this account lacks, as "delete pods in shop".

    Raises:
        ClusterError: the cluster could not be asked.
    """
    return tuple(
        _words(verb, plural, where)
        for verb, rule_resource, plural, where in _questions(rules, namespace)
        if not cluster.can_i(verb, rule_resource, where, subresource=plural.partition("/")[2])[0]
    )


def _questions(rules: Iterable[Rule], namespace: str) -> Iterator[tuple[str, Resource, str, str]]:
    for rule in rules:
        where = "" if rule.cluster_wide else namespace
        for plural in rule.resources:
            parent = plural.partition("/")[0]
            asked = Resource(kind=parent, plural=parent, group=rule.api_group)
            for verb in rule.verbs:
                yield verb, asked, plural, where


def _words(verb: str, plural: str, where: str) -> str:
    return f"{verb} {plural}" + (f" in {where}" if where else " on the whole cluster")
