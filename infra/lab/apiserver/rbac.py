"""Who may do what: Roles, ClusterRoles and their bindings, evaluated as the RBAC authoriser does."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.lab.apiserver.request import User
from infra.lab.apiserver.store import Store

Object = dict[str, Any]

RBAC_GROUP = "rbac.authorization.k8s.io"
MASTERS = "system:masters"
_ALL_RULES: Object = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
_ALL_URLS: Object = {"verbs": ["*"], "nonResourceURLs": ["*"]}


@dataclass(frozen=True, slots=True)
class Attributes:
    """What somebody wants to do. A `path` means a request for something that is no resource."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    namespace: str = ""
    path: str = ""

    @property
    def full_resource(self) -> str:
        """``pods/eviction``, or ``pods``."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


@dataclass(frozen=True, slots=True)
class Grant:
    """A rule that somebody has, and why."""

    rule: Object
    reason: str


class Authoriser:
    """Evaluates the roles and bindings that are in the store right now."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def allows(self, user: User, wanted: Attributes) -> str | None:
        """The reason why a user may do something; None if nothing allows it."""
        if MASTERS in user.groups:
            return ""
        for grant in self.grants(user, wanted.namespace):
            if _covers(grant.rule, wanted):
                return grant.reason
        return None

    def grants(self, user: User, namespace: str) -> Iterator[Grant]:
        """All rules a user has in a namespace ("" for the cluster alone)."""
        if MASTERS in user.groups:
            yield Grant(_ALL_RULES, "")
            yield Grant(_ALL_URLS, "")
            return
        for _, binding in self._objects("clusterrolebindings", ""):
            yield from self._granted(user, binding, "ClusterRoleBinding")
        if namespace:
            for _, binding in self._objects("rolebindings", namespace):
                yield from self._granted(user, binding, "RoleBinding")

    def _objects(self, plural: str, namespace: str) -> list[tuple[tuple[str, str], Object]]:
        return self._store.collection(f"{RBAC_GROUP}/{plural}").select(namespace)

    def _granted(self, user: User, binding: Object, kind: str) -> Iterator[Grant]:
        metadata, reference = binding["metadata"], binding["roleRef"]
        namespace = metadata.get("namespace", "")
        subject = next((one for one in binding.get("subjects") or () if _is(user, one, namespace)), None)
        if subject is None:
            return
        own = metadata["name"] + (f"/{namespace}" if namespace else "")
        space = f"/{subject['namespace']}" if subject.get("namespace") else ""
        reason = (
            f'RBAC: allowed by {kind} "{own}" of {reference["kind"]} "{reference["name"]}" '
            f'to {subject["kind"]} "{subject["name"]}{space}"'
        )
        for rule in self._rules(reference, namespace):
            yield Grant(rule, reason)

    def _rules(self, reference: Mapping[str, str], namespace: str) -> list[Object]:
        in_cluster = reference["kind"] == "ClusterRole"
        plural, space = ("clusterroles", "") if in_cluster else ("roles", namespace)
        role = self._store.collection(f"{RBAC_GROUP}/{plural}").get((space, reference["name"]))
        return (role or {}).get("rules") or []


def _is(user: User, subject: Mapping[str, str], namespace: str) -> bool:
    match subject.get("kind"):
        case "User":
            return subject["name"] in ("*", user.name)
        case "Group":
            return subject["name"] in user.groups
        case "ServiceAccount":
            space = subject.get("namespace") or namespace
            return user.name == f"system:serviceaccount:{space}:{subject['name']}"
        case _:
            return False


def _covers(rule: Mapping[str, Any], wanted: Attributes) -> bool:
    verbs = rule.get("verbs") or ()
    if "*" not in verbs and wanted.verb not in verbs:
        return False
    if wanted.path:
        return any(_matches_path(one, wanted.path) for one in rule.get("nonResourceURLs") or ())
    groups = rule.get("apiGroups") or ()
    if "*" not in groups and wanted.group not in groups:
        return False
    resources = rule.get("resources") or ()
    accepted = {"*", wanted.full_resource} | ({f"*/{wanted.subresource}"} if wanted.subresource else set())
    if not accepted.intersection(resources):
        return False
    names = rule.get("resourceNames") or ()
    return not names or wanted.name in names


def _matches_path(pattern: str, path: str) -> bool:
    return pattern in ("*", path) or (pattern.endswith("*") and path.startswith(pattern[:-1]))
