"""What the client's models leave out about fields: merge keys, quantities, widths, zero values."""

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
ATOMIC_MODELS = frozenset(
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
ATOMIC_MAPS = frozenset({("V1PodSpec", "nodeSelector"), ("V1ServiceSpec", "selector")})
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
MODEL_OF_KIND = {  # where the model's name is not V1 + kind
    "Event": "CoreV1Event",
    "Event.events.k8s.io": "EventsV1Event",
    "HorizontalPodAutoscaler": "V2HorizontalPodAutoscaler",
    "Endpoints": "V1Endpoints",
    "TokenRequest": "AuthenticationV1TokenRequest",
}
