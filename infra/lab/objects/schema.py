"""The shape of built-in kinds: fields, their types, and how their lists merge.

The field tables are those of the official Python client's models, which are generated from the API's own
description. What that description loses (merge keys, quantities, the width of integers) is written down here.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

# (model, field) -> merge key of a list that strategic merge and apply treat as a map.
MERGE_KEYS: dict[tuple[str, str], str] = {
    ("V1ObjectMeta", "ownerReferences"): "uid",
    ("V1PodSpec", "containers"): "name",
    ("V1PodSpec", "initContainers"): "name",
    ("V1PodSpec", "ephemeralContainers"): "name",
    ("V1PodSpec", "volumes"): "name",
    ("V1PodSpec", "imagePullSecrets"): "name",
    ("V1PodSpec", "hostAliases"): "ip",
    ("V1PodSpec", "topologySpreadConstraints"): "topologyKey",
    ("V1PodSpec", "schedulingGates"): "name",
    ("V1PodSpec", "resourceClaims"): "name",
    ("V1Container", "env"): "name",
    ("V1Container", "ports"): "containerPort",
    ("V1Container", "volumeMounts"): "mountPath",
    ("V1Container", "volumeDevices"): "devicePath",
    ("V1EphemeralContainer", "env"): "name",
    ("V1EphemeralContainer", "ports"): "containerPort",
    ("V1EphemeralContainer", "volumeMounts"): "mountPath",
    ("V1EphemeralContainer", "volumeDevices"): "devicePath",
    ("V1PodStatus", "conditions"): "type",
    ("V1PodStatus", "podIPs"): "ip",
    ("V1PodStatus", "hostIPs"): "ip",
    ("V1NodeStatus", "conditions"): "type",
    ("V1NodeStatus", "addresses"): "type",
    ("V1ServiceSpec", "ports"): "port",
    ("V1ServiceStatus", "conditions"): "type",
    ("V1ServiceAccount", "secrets"): "name",
    ("V1ServiceAccount", "imagePullSecrets"): "name",
    ("V1DeploymentStatus", "conditions"): "type",
    ("V1ReplicaSetStatus", "conditions"): "type",
    ("V1StatefulSetStatus", "conditions"): "type",
    ("V1DaemonSetStatus", "conditions"): "type",
    ("V1JobStatus", "conditions"): "type",
    ("V1NamespaceStatus", "conditions"): "type",
    ("V1PodDisruptionBudgetStatus", "conditions"): "type",
}
# Lists of plain values that merge as sets.
VALUE_SETS = frozenset({("V1ObjectMeta", "finalizers"), ("V1NodeSpec", "podCIDRs")})
# Where apply keys a list by more than the merge key.
APPLY_KEYS: dict[tuple[str, str], tuple[str, ...]] = {
    ("V1Container", "ports"): ("containerPort", "protocol"),
    ("V1EphemeralContainer", "ports"): ("containerPort", "protocol"),
    ("V1ServiceSpec", "ports"): ("port", "protocol"),
    ("V1PodSpec", "topologySpreadConstraints"): ("topologyKey", "whenUnsatisfiable"),
}
_ATOMIC_MODELS = frozenset(
    {
        "V1LabelSelector",
        "V1ObjectReference",
        "V1LocalObjectReference",
        "V1NodeSelector",
        "V1NodeSelectorTerm",
        "V1SecretKeySelector",
        "V1ConfigMapKeySelector",
        "V1ObjectFieldSelector",
        "V1ResourceFieldSelector",
        "V1RoleRef",
        "V1TypedLocalObjectReference",
        "V1PersistentVolumeClaimVolumeSource",
    }
)
_ATOMIC_MAPS = frozenset({("V1PodSpec", "nodeSelector"), ("V1ServiceSpec", "selector")})
QUANTITIES = frozenset(
    {
        ("V1ResourceRequirements", "limits"),
        ("V1ResourceRequirements", "requests"),
        ("V1VolumeResourceRequirements", "limits"),
        ("V1VolumeResourceRequirements", "requests"),
        ("V1PodSpec", "overhead"),
        ("V1ResourceQuotaSpec", "hard"),
        ("V1ResourceQuotaStatus", "hard"),
        ("V1ResourceQuotaStatus", "used"),
        ("V1NodeStatus", "capacity"),
        ("V1NodeStatus", "allocatable"),
        ("V1LimitRangeItem", "default"),
        ("V1LimitRangeItem", "defaultRequest"),
        ("V1LimitRangeItem", "max"),
        ("V1LimitRangeItem", "min"),
        ("V1LimitRangeItem", "maxLimitRequestRatio"),
        ("V1EmptyDirVolumeSource", "sizeLimit"),
        ("V1ResourceFieldSelector", "divisor"),
        ("V1ContainerStatus", "allocatedResources"),
        ("V1PersistentVolumeClaimStatus", "capacity"),
        ("V1PersistentVolumeSpec", "capacity"),
    }
)
WIDE = frozenset(
    {  # int64; every other integer of the API is int32
        "activeDeadlineSeconds",
        "deletionGracePeriodSeconds",
        "expirationSeconds",
        "fsGroup",
        "generation",
        "gracePeriodSeconds",
        "observedGeneration",
        "runAsGroup",
        "runAsUser",
        "size",
        "supplementalGroups",
        "terminationGracePeriodSeconds",
        "tolerationSeconds",
        "remainingItemCount",
    }
)
MICRO_TIMES = frozenset(
    {  # times that must have exactly six fractional digits
        ("V1LeaseSpec", "acquireTime"),
        ("V1LeaseSpec", "renewTime"),
        ("EventsV1Event", "eventTime"),
        ("CoreV1Event", "eventTime"),
        ("CoreV1EventSeries", "lastObservedTime"),
        ("EventsV1EventSeries", "lastObservedTime"),
    }
)
_COUNTERS = frozenset({"observedGeneration", "readyReplicas", "availableReplicas", "updatedReplicas"})
# Fields that are left out when they hold Go's zero value. Where a field is not named, a zero value is kept.
ZERO_IS_ABSENT: dict[str, frozenset[str]] = {
    "V1ObjectMeta": frozenset({"namespace", "generateName", "selfLink", "generation", "name"}),
    "V1NodeSpec": frozenset({"unschedulable", "podCIDR", "providerID"}),
    "V1PodSpec": frozenset(
        {
            "nodeName",
            "hostname",
            "subdomain",
            "priorityClassName",
            "hostNetwork",
            "hostPID",
            "hostIPC",
            "serviceAccountName",
            "serviceAccount",
        }
    ),
    "V1Container": frozenset({"image", "workingDir", "stdin", "stdinOnce", "tty"}),
    "V1EphemeralContainer": frozenset(
        {"image", "workingDir", "stdin", "stdinOnce", "tty", "targetContainerName"}
    ),
    "V1EnvVar": frozenset({"value"}),
    "V1VolumeMount": frozenset({"readOnly", "subPath"}),
    "V1PodStatus": frozenset(
        {"podIP", "hostIP", "message", "reason", "nominatedNodeName", "observedGeneration"}
    ),
    "V1DeploymentStatus": _COUNTERS | {"replicas", "unavailableReplicas"},
    "V1ReplicaSetStatus": _COUNTERS - {"updatedReplicas"} | {"fullyLabeledReplicas"},
    "V1StatefulSetStatus": _COUNTERS - {"availableReplicas"} | {"currentReplicas"},
    "V1DaemonSetStatus": frozenset(
        {
            "observedGeneration",
            "updatedNumberScheduled",
            "numberAvailable",
            "numberUnavailable",
        }
    ),
    "V1JobStatus": frozenset({"active", "succeeded", "failed"}),
    "V1PodDisruptionBudgetStatus": frozenset({"observedGeneration"}),
    "V1ScaleSpec": frozenset({"replicas"}),
    "CoreV1Event": frozenset({"count", "action", "type", "message", "reason"}),
    "EventsV1Event": frozenset(
        {"deprecatedCount", "action", "type", "note", "reason", "reportingController"}
    ),
    "V1PodCondition": frozenset({"message", "reason", "observedGeneration"}),
    "V1NodeCondition": frozenset({"message", "reason"}),
    "V1DeploymentCondition": frozenset({"message", "reason"}),
    "V1JobCondition": frozenset({"message", "reason"}),
    "V1NamespaceCondition": frozenset({"message", "reason"}),
    "V1Taint": frozenset({"value"}),
    "V1Toleration": frozenset({"key", "operator", "value", "effect"}),
    "V1ServicePort": frozenset({"name", "nodePort"}),
    "V1ServiceSpec": frozenset({"clusterIP", "externalName"}),
}
_MODEL_OF_KIND = {  # where the model's name is not V1 + kind
    "Event": "CoreV1Event",
    "Event.events.k8s.io": "EventsV1Event",
    "HorizontalPodAutoscaler": "V2HorizontalPodAutoscaler",
    "Endpoints": "V1Endpoints",
    "TokenRequest": "AuthenticationV1TokenRequest",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """One place in an object.

    `type` is the model's type expression ("V1PodSpec", "List[V1Container]", "Dict[str, str]", "int"), or
    "object" where anything goes; `owner` and `name` say which field of which model it is.
    """

    type: str
    owner: str = ""
    name: str = ""

    @property
    def merge_key(self) -> str:
        """The key by which strategic merge matches elements; empty if the list is replaced whole."""
        return MERGE_KEYS.get((self.owner, self.name), "")

    @property
    def apply_keys(self) -> tuple[str, ...]:
        """The keys by which apply matches elements; none if the list is owned whole."""
        key = self.merge_key
        return APPLY_KEYS.get((self.owner, self.name), (key,) if key else ())

    @property
    def merges_values(self) -> bool:
        """Whether the list is a set of plain values."""
        return (self.owner, self.name) in VALUE_SETS

    @property
    def is_atomic(self) -> bool:
        """Whether apply owns it as one piece, although it has parts."""
        return self.type in _ATOMIC_MODELS or (self.owner, self.name) in _ATOMIC_MAPS

    @property
    def is_quantity(self) -> bool:
        """Whether its values are resource quantities."""
        return (self.owner, self.name) in QUANTITIES

    @property
    def zero_is_absent(self) -> frozenset[str]:
        """Its fields that are left out at their zero value."""
        return ZERO_IS_ABSENT.get(self.type, frozenset())

    @property
    def is_model(self) -> bool:
        """Whether it has named fields."""
        return bool(_fields(self.type))

    def fields(self) -> dict[str, str]:
        """JSON name -> type of its named fields; empty for maps, lists and plain values."""
        return _fields(self.type)

    def field(self, name: str) -> "Shape":
        """The shape of one field, or of any value of a map."""
        if self.type.startswith("Dict["):
            return Shape(self.type[5:-1].partition(", ")[2], self.owner, self.name)
        return Shape(self.fields().get(name, "object"), self.type, name)

    def item(self) -> "Shape":
        """The shape of a list's elements."""
        return Shape(self.type[5:-1] if self.type.startswith("List[") else "object", self.owner, self.name)


@cache
def root_shape(kind: str, group: str = "") -> Shape:
    """The shape of a built-in kind; an unknown kind has the shape "object", where anything goes."""
    name = _MODEL_OF_KIND.get(f"{kind}.{group}") or _MODEL_OF_KIND.get(kind) or f"V1{kind}"
    return Shape(name if _fields(name) else "object")


@cache
def _fields(model: str) -> dict[str, str]:
    """The field table of a client model by JSON name."""
    # Imported here: it costs 0.2 s, and only the process that serves the API needs it.
    from kubernetes.client import models

    found: Any = getattr(models, model, None)
    if found is None or not hasattr(found, "openapi_types"):
        return {}
    names: dict[str, str] = found.attribute_map
    types: dict[str, str] = found.openapi_types
    return {names[attribute]: kind for attribute, kind in types.items()}
