"""The resources that controllers deal with, by name."""

from infra.lab.objects.resource import Resource
from infra.lab.objects.resources import RESOURCES, lookup


def _found(group: str, plural: str) -> Resource:
    resource = lookup(group, "v1", plural)
    if resource is None:
        message = f"the lab's table of resources lacks {plural}.{group}"
        raise LookupError(message)
    return resource


PODS = _found("", "pods")
NODES = _found("", "nodes")
NAMESPACES = _found("", "namespaces")
SERVICES = _found("", "services")
ENDPOINTS = _found("", "endpoints")
EVENTS = _found("", "events")
CONFIG_MAPS = _found("", "configmaps")
SERVICE_ACCOUNTS = _found("", "serviceaccounts")
QUOTAS = _found("", "resourcequotas")
VOLUME_CLAIMS = _found("", "persistentvolumeclaims")
DEPLOYMENTS = _found("apps", "deployments")
REPLICA_SETS = _found("apps", "replicasets")
STATEFUL_SETS = _found("apps", "statefulsets")
DAEMON_SETS = _found("apps", "daemonsets")
REVISIONS = _found("apps", "controllerrevisions")
JOBS = _found("batch", "jobs")
SLICES = _found("discovery.k8s.io", "endpointslices")
BUDGETS = _found("policy", "poddisruptionbudgets")
LEASES = _found("coordination.k8s.io", "leases")
DEFINITIONS = _found("apiextensions.k8s.io", "customresourcedefinitions")

_FOLLOWED_VERBS = frozenset({"list", "watch", "delete"})


def followed() -> tuple[Resource, ...]:
    """Every built-in resource that is stored and can be watched, once, without events."""
    found: dict[str, Resource] = {}
    for one in RESOURCES:
        if one.stored and one.plural != "events" and set(one.verbs) >= _FOLLOWED_VERBS:
            found.setdefault(one.qualified, one)
    return tuple(found.values())
