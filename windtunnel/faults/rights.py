"""Whether this account may do what a fault needs, asked of the cluster before anything is changed."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from windtunnel.clients.cluster import Cluster
from windtunnel.clients.kinds import Resource
from windtunnel.faults.shape import Rule

Question = tuple[str, Resource, str, str]  # verb, resource, its plural with a subresource, namespace
AT_ONCE = 8
OWN = (  # in windtunnel's own namespace: undo tickets, history and lever; and leases
    Rule("", ("configmaps",), ("get", "list", "create", "patch", "delete")),
    Rule("coordination.k8s.io", ("leases",), ("get", "list", "create", "update", "delete")),
)


def missing_rights(cluster: Cluster, rules: Iterable[Rule], namespace: str) -> tuple[str, ...]:
    """Return each right in *rules* that this account lacks, as "delete pods in shop".

    Raises:
        ClusterError: the cluster could not be asked.
    """
    return lacking(cluster, [(rule, namespace) for rule in rules])


def lacking(cluster: Cluster, grants: Iterable[tuple[Rule, str]]) -> tuple[str, ...]:
    """Return each right that this account lacks of *grants*: rules, each with the namespace it is needed in.

    Each right is asked about once, several at a time.

    Raises:
        ClusterError: the cluster could not be asked.
    """
    asked = dict.fromkeys(question for rule, where in grants for question in _questions([rule], where))

    def has(question: Question) -> bool:
        verb, resource, plural, where = question
        return cluster.can_i(verb, resource, where, subresource=plural.partition("/")[2])[0]

    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="rights") as pool:
        answers = list(pool.map(has, asked))
    missing = (question for question, had in zip(asked, answers, strict=True) if not had)
    return tuple(_words(verb, plural, where) for verb, _, plural, where in missing)


def _questions(rules: Iterable[Rule], namespace: str) -> Iterator[Question]:
    for rule in rules:
        where = "" if rule.cluster_wide else namespace
        for plural in rule.resources:
            parent = plural.partition("/")[0]
            asked = Resource(kind=parent, plural=parent, group=rule.api_group)
            for verb in rule.verbs:
                yield verb, asked, plural, where


def _words(verb: str, plural: str, where: str) -> str:
    return f"{verb} {plural}" + (f" in {where}" if where else " on the whole cluster")
