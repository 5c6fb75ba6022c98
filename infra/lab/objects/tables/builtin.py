"""Which columns belong to which built-in kind."""

from collections.abc import Callable
from functools import cache

from infra.lab.objects.resource import Resource
from infra.lab.objects.tables import cluster, pods, workloads
from infra.lab.objects.tables.column import Column

_BY_KIND: dict[str, Callable[[], tuple[Column, ...]]] = {
    "ClusterRole": cluster.created_at,
    "ClusterRoleBinding": cluster.role_bindings,
    "ConfigMap": cluster.config_maps,
    "CronJob": workloads.cron_jobs,
    "CustomResourceDefinition": cluster.created_at,
    "DaemonSet": workloads.daemon_sets,
    "Deployment": workloads.deployments,
    "EndpointSlice": cluster.endpoint_slices,
    "Endpoints": cluster.endpoints,
    "Event": cluster.events,
    "Job": workloads.jobs,
    "Lease": cluster.leases,
    "Namespace": cluster.namespaces,
    "NetworkPolicy": cluster.network_policies,
    "Node": cluster.nodes,
    "Pod": pods.columns,
    "PodDisruptionBudget": workloads.disruption_budgets,
    "ReplicaSet": workloads.replica_sets,
    "Role": cluster.created_at,
    "RoleBinding": cluster.role_bindings,
    "Secret": cluster.secrets,
    "Service": cluster.services,
    "ServiceAccount": cluster.service_accounts,
    "StatefulSet": workloads.stateful_sets,
}


def columns(resource: Resource) -> tuple[Column, ...]:
    """The columns of a built-in resource."""
    return _columns(resource.kind)


@cache
def _columns(kind: str) -> tuple[Column, ...]:
    return _BY_KIND.get(kind, cluster.plain)()
