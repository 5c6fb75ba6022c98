"""Defaults: what the server fills in when a client leaves it out, on every write of a built-in kind."""

from collections.abc import Callable

from infra.lab.objects.defaults import access, cluster, network, pods, workloads
from infra.lab.objects.resource import Resource
from infra.lab.objects.statuses import Json

_Defaulter = Callable[[Json], None]

_BY_KIND: dict[str, _Defaulter] = {
    "ClusterRoleBinding": access.role_binding,
    "CronJob": workloads.cron_job,
    "CustomResourceDefinition": cluster.definition,
    "DaemonSet": workloads.daemon_set,
    "Deployment": workloads.deployment,
    "EndpointSlice": network.endpoint_slice,
    "Endpoints": network.endpoints,
    "Event": cluster.event,
    "HorizontalPodAutoscaler": workloads.autoscaler,
    "Job": workloads.job,
    "LimitRange": cluster.limit_range,
    "Namespace": cluster.namespace,
    "NetworkPolicy": network.network_policy,
    "Node": cluster.node,
    "PersistentVolumeClaim": cluster.claim,
    "Pod": pods.pod,
    "PodDisruptionBudget": workloads.disruption_budget,
    "ReplicaSet": workloads.replica_set,
    "ReplicationController": workloads.replica_set,
    "RoleBinding": access.role_binding,
    "Secret": access.secret,
    "Service": network.service,
    "StatefulSet": workloads.stateful_set,
}


def default(obj: Json, resource: Resource) -> None:
    """Fill in what is absent, in place. Doing it again changes nothing.

    Custom resources are defaulted by their schema (`crd.default`); what only happens on create (a first
    status, tolerations, the token volume) is in `strategies` and `pod_admission`.
    """
    defaulter = None if resource.custom else _BY_KIND.get(resource.kind)
    if defaulter:
        defaulter(obj)
