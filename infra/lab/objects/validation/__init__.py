"""Validation: what the server refuses about an object, in its own words and order."""

from collections.abc import Callable

from infra.lab.objects import crd
from infra.lab.objects.resource import Resource
from infra.lab.objects.statuses import Cause, Json
from infra.lab.objects.validation import access, cluster, configs, metadata, network, pods, workloads

__all__ = ["Cause", "validate"]

_Validator = Callable[[Json, Json | None], list[Cause]]

_BY_KIND: dict[str, _Validator] = {
    "ClusterRoleBinding": access.role_binding,
    "ConfigMap": configs.config_map,
    "CronJob": workloads.cron_job,
    "CustomResourceDefinition": cluster.definition,
    "DaemonSet": workloads.daemon_set,
    "Deployment": workloads.deployment,
    "Job": workloads.job,
    "Lease": cluster.lease,
    "NetworkPolicy": network.network_policy,
    "Node": cluster.node,
    "Pod": pods.pod,
    "PodDisruptionBudget": workloads.disruption_budget,
    "ReplicaSet": workloads.replica_set,
    "RoleBinding": access.role_binding,
    "Secret": configs.secret,
    "Service": network.service,
    "StatefulSet": workloads.stateful_set,
}


def validate(obj: Json, old: Json | None, resource: Resource, *, subresource: str = "") -> list[Cause]:
    """Everything wrong with an object, empty if nothing is.

    Args:
        obj: the new state, defaulted.
        old: the state before, None on create.
        resource: what it is.
        subresource: the path below the object that is written: "", "status", "ephemeralcontainers"; others
            are trusted.
    """
    if not resource.stored:
        return []
    found = metadata.validate(obj, old, resource)
    if resource.custom:
        return [*found, *crd.validate(obj, old, resource)]
    if (resource.group, resource.kind) == ("events.k8s.io", "Event"):
        return [*found, *cluster.new_event(obj, old)]
    if resource.kind == "Event":
        return [*found, *cluster.core_event(obj, old)]
    if resource.kind == "Pod" and subresource:
        return [*found, *pods.subresource(obj, old or {}, subresource)]
    if subresource:
        return found
    validator = _BY_KIND.get(resource.kind)
    return [*found, *validator(obj, old)] if validator else found
