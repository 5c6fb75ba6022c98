"""The resources the lab serves, as one table."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from infra.lab.objects.resource import NAMED, SCALE, Resource, Subresource, custom_resources, status_of

__all__ = ["RESOURCES", "Resource", "Subresource", "by_kind", "custom_resources", "groups", "lookup"]

_PROXY = ("create", "delete", "get", "patch", "update")
_POD_PARTS = (
    Subresource("attach", "PodAttachOptions", ("create", "get")),
    Subresource("binding", "Binding", ("create",)),
    Subresource("ephemeralcontainers", "Pod"),
    Subresource("eviction", "Eviction", ("create",), "policy", "v1"),
    Subresource("exec", "PodExecOptions", ("create", "get")),
    Subresource("log", "Pod", ("get",)),
    Subresource("portforward", "PodPortForwardOptions", ("create", "get")),
    Subresource("proxy", "PodProxyOptions", _PROXY),
    Subresource("resize", "Pod"),
    status_of("Pod"),
)
_POD_FIELDS = (
    "metadata.name",
    "metadata.namespace",
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
)
_ABOUT = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
_CORE_EVENT_FIELDS = (
    *NAMED,
    *(f"involvedObject.{part}" for part in _ABOUT),
    "reason",
    "reportingComponent",
    "source",
    "type",
)
_NEW_EVENT_FIELDS = (
    *NAMED,
    *(f"regarding.{part}" for part in _ABOUT),
    "reason",
    "reportingController",
    "type",
)


def _core(plural: str, kind: str, *short: str, **more: Any) -> Resource:
    return Resource(
        "", "v1", plural, kind, singular=kind.lower(), list_kind=f"{kind}List", short_names=short, **more
    )


def _of(group: str, plural: str, kind: str, *short: str, version: str = "v1", **more: Any) -> Resource:
    return Resource(
        group,
        version,
        plural,
        kind,
        singular=kind.lower(),
        list_kind=f"{kind}List",
        short_names=short,
        **more,
    )


def _workload(plural: str, kind: str, *short: str, scales: bool = True, **more: Any) -> Resource:
    parts = ((SCALE,) if scales else ()) + (status_of(kind),)
    return _of("apps", plural, kind, *short, categories=("all",), subresources=parts, generation=True, **more)


def _review(group: str, plural: str, kind: str, *, namespaced: bool = False) -> Resource:
    return _of(group, plural, kind, namespaced=namespaced, verbs=("create",), stored=False)


RESOURCES: tuple[Resource, ...] = (
    _core("bindings", "Binding", verbs=("create",), stored=False),
    _core("configmaps", "ConfigMap", "cm"),
    _core("endpoints", "Endpoints", "ep"),
    _core("events", "Event", "ev", fields=_CORE_EVENT_FIELDS, lists_known_fields=False),
    _core("limitranges", "LimitRange", "limits"),
    _core(
        "namespaces",
        "Namespace",
        "ns",
        namespaced=False,
        delete_answers="object",
        verbs=("create", "delete", "get", "list", "patch", "update", "watch"),
        lists_known_fields=False,
        fields=("metadata.name", "status.phase", "name"),
        subresources=(Subresource("finalize", "Namespace", ("update",)), status_of("Namespace")),
    ),
    _core(
        "nodes",
        "Node",
        "no",
        namespaced=False,
        fields=("metadata.name", "spec.unschedulable"),
        lists_known_fields=False,
        subresources=(Subresource("proxy", "NodeProxyOptions", _PROXY), status_of("Node")),
    ),
    _core(
        "persistentvolumeclaims",
        "PersistentVolumeClaim",
        "pvc",
        delete_answers="object",
        subresources=(status_of("PersistentVolumeClaim"),),
    ),
    _core(
        "persistentvolumes",
        "PersistentVolume",
        "pv",
        namespaced=False,
        delete_answers="object",
        subresources=(status_of("PersistentVolume"),),
    ),
    _core(
        "pods",
        "Pod",
        "po",
        categories=("all",),
        subresources=_POD_PARTS,
        delete_answers="object",
        generation=True,
        graceful=True,
        fields=_POD_FIELDS,
        lists_known_fields=False,
    ),
    _core(
        "replicationcontrollers",
        "ReplicationController",
        "rc",
        categories=("all",),
        generation=True,
        subresources=(SCALE, status_of("ReplicationController")),
        fields=(*NAMED, "status.replicas"),
    ),
    _core(
        "resourcequotas",
        "ResourceQuota",
        "quota",
        delete_answers="object",
        subresources=(status_of("ResourceQuota"),),
    ),
    _core("secrets", "Secret", fields=(*NAMED, "type"), lists_known_fields=False),
    _core(
        "serviceaccounts",
        "ServiceAccount",
        "sa",
        delete_answers="object",
        subresources=(Subresource("token", "TokenRequest", ("create",), "authentication.k8s.io", "v1"),),
    ),
    _core(
        "services",
        "Service",
        "svc",
        categories=("all",),
        delete_answers="object",
        fields=(*NAMED, "spec.clusterIP", "spec.type"),
        lists_known_fields=False,
        subresources=(Subresource("proxy", "ServiceProxyOptions", _PROXY), status_of("Service")),
    ),
    _of("apps", "controllerrevisions", "ControllerRevision"),
    _workload("daemonsets", "DaemonSet", "ds", scales=False),
    _workload("deployments", "Deployment", "deploy"),
    _workload(
        "replicasets", "ReplicaSet", "rs", fields=(*NAMED, "status.replicas"), lists_known_fields=False
    ),
    _workload("statefulsets", "StatefulSet", "sts"),
    _of("events.k8s.io", "events", "Event", "ev", fields=_NEW_EVENT_FIELDS, lists_known_fields=False),
    _review("authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview"),
    _review("authentication.k8s.io", "tokenreviews", "TokenReview"),
    _review("authorization.k8s.io", "localsubjectaccessreviews", "LocalSubjectAccessReview", namespaced=True),
    _review("authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview"),
    _review("authorization.k8s.io", "selfsubjectrulesreviews", "SelfSubjectRulesReview"),
    _review("authorization.k8s.io", "subjectaccessreviews", "SubjectAccessReview"),
    _of(
        "autoscaling",
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        "hpa",
        version="v2",
        categories=("all",),
        subresources=(status_of("HorizontalPodAutoscaler"),),
    ),
    _of(
        "autoscaling",
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        "hpa",
        version="v1",
        categories=("all",),
        subresources=(status_of("HorizontalPodAutoscaler"),),
    ),
    _of(
        "batch",
        "cronjobs",
        "CronJob",
        "cj",
        categories=("all",),
        subresources=(status_of("CronJob"),),
        generation=True,
    ),
    _of(
        "batch",
        "jobs",
        "Job",
        categories=("all",),
        subresources=(status_of("Job"),),
        generation=True,
        orphans=True,
        fields=(*NAMED, "status.successful"),
        lists_known_fields=False,
    ),
    _of(
        "networking.k8s.io",
        "ingresses",
        "Ingress",
        "ing",
        subresources=(status_of("Ingress"),),
        generation=True,
    ),
    _of("networking.k8s.io", "networkpolicies", "NetworkPolicy", "netpol", generation=True),
    _of(
        "policy",
        "poddisruptionbudgets",
        "PodDisruptionBudget",
        "pdb",
        generation=True,
        subresources=(status_of("PodDisruptionBudget"),),
    ),
    _of("rbac.authorization.k8s.io", "clusterrolebindings", "ClusterRoleBinding", namespaced=False),
    _of("rbac.authorization.k8s.io", "clusterroles", "ClusterRole", namespaced=False),
    _of("rbac.authorization.k8s.io", "rolebindings", "RoleBinding"),
    _of("rbac.authorization.k8s.io", "roles", "Role"),
    _of(
        "apiextensions.k8s.io",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        "crd",
        "crds",
        namespaced=False,
        categories=("api-extensions",),
        delete_answers="object",
        generation=True,
        subresources=(status_of("CustomResourceDefinition"),),
    ),
    _of("coordination.k8s.io", "leases", "Lease"),
    _of("discovery.k8s.io", "endpointslices", "EndpointSlice", generation=True),
    _of("storage.k8s.io", "storageclasses", "StorageClass", "sc", namespaced=False),
    _of("scheduling.k8s.io", "priorityclasses", "PriorityClass", "pc", namespaced=False, generation=True),
)


def lookup(group: str, version: str, plural: str) -> Resource | None:
    """The built-in resource of that name; None if there is none."""
    return _by_path().get((group, version, plural))


@cache
def _by_path() -> dict[tuple[str, str, str], Resource]:
    return {(one.group, one.version, one.plural): one for one in RESOURCES}


def by_kind(group: str, kind: str) -> Resource | None:
    """The built-in resource of a kind, in the group's preferred version; None if there is none."""
    return next((one for one in RESOURCES if one.group == group and one.kind == kind), None)


def groups(resources: Iterable[Resource]) -> dict[str, list[str]]:
    """Named groups with their versions, the preferred one first, in the order the resources come."""
    found: dict[str, list[str]] = {}
    for one in resources:
        versions = found.setdefault(one.group, [])
        if one.version not in versions:
            versions.append(one.version)
    found.pop("", None)
    return found
