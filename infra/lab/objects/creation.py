"""What the server adds only when an object is created: a first status, generation, job labels, pod admission.

`default` fills in what is absent on every write; this is run once, before it, on a document whose metadata
already has its final name, namespace, UID and creation time.
"""

from typing import Any

from infra.lab.objects.quantities import parse_quantity
from infra.lab.objects.resource import Resource
from infra.lab.objects.statuses import Json

_UNREACHABLE = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_PATIENCE_S = 300
_TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a mount path
_TOKEN_LIFE_S = 3607
_COMPUTE = ("cpu", "memory")


def prepare_new(obj: Json, resource: Resource, *, random_suffix: str = "00000") -> None:
    """Complete a new object in place, before `default`: what clients cannot choose is set or dropped.

    Args:
        obj: the document, with name, UID and creationTimestamp already set.
        resource: what it is.
        random_suffix: five characters that end the name of a pod's token volume.
    """
    metadata = obj["metadata"]
    if resource.generation:
        metadata["generation"] = 1
    if resource.custom:
        if resource.has_status:
            obj.pop("status", None)
        return
    if resource.has_status:
        obj.pop("status", None)
    match resource.kind:
        case "Pod":
            _pod(obj, random_suffix)
        case "Namespace":
            obj["spec"] = {"finalizers": ["kubernetes"]}
        case "Node":
            _add_taint(obj.setdefault("spec", {}), "node.kubernetes.io/not-ready")
        case "Job":
            _job(obj)
        case "DaemonSet":
            metadata.setdefault("annotations", {})["deprecated.daemonset.template.generation"] = "1"
            obj["status"] = {}
        case _ if resource.has_status:
            obj["status"] = {}


def _pod(obj: Json, suffix: str) -> None:
    spec = obj.setdefault("spec", {})
    status: Json = {"phase": "Pending"}
    if spec.get("schedulingGates"):
        status["conditions"] = [
            {
                "type": "PodScheduled",
                "status": "False",
                "lastProbeTime": None,
                "lastTransitionTime": obj["metadata"].get("creationTimestamp"),
                "reason": "SchedulingGated",
                "message": "Scheduling is blocked due to non-empty scheduling gates",
            }
        ]
    obj["status"] = {**status, "qosClass": qos_class(spec)}
    spec.setdefault("priority", 0)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    for key in _UNREACHABLE:
        _tolerate(spec, key)
    if not (spec.get("serviceAccountName") or spec.get("serviceAccount")):
        spec["serviceAccountName"] = "default"
    if spec.get("automountServiceAccountToken") is not False:
        _mount_token(spec, suffix)


def _tolerate(spec: Json, key: str) -> None:
    """Pods stay 300 s on a node that is lost, unless they say otherwise."""
    given = spec.get("tolerations", [])
    if not any(
        one.get("effect", "NoExecute") in {"", "NoExecute"} and one.get("key", key) in {"", key}
        for one in given
    ):
        added = {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": _PATIENCE_S}
        spec["tolerations"] = [*given, added]


def _mount_token(spec: Json, suffix: str) -> None:
    """The volume with the service account's token, mounted where clients look for it."""
    containers: list[Json] = [*spec.get("initContainers", ()), *spec.get("containers", ())]
    wanting = [one for one in containers if _TOKEN_PATH not in _mounted(one)]
    if not wanting:
        return
    name = f"kube-api-access-{suffix}"
    for one in wanting:
        one.setdefault("volumeMounts", []).append({"name": name, "readOnly": True, "mountPath": _TOKEN_PATH})
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    authority = {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": _TOKEN_LIFE_S, "path": "token"}},
        {"configMap": authority},
        {"downwardAPI": {"items": [namespace]}},
    ]
    spec.setdefault("volumes", []).append(
        {"name": name, "projected": {"sources": sources, "defaultMode": 420}}
    )


def _mounted(container: Json) -> set[str]:
    return {mount.get("mountPath", "") for mount in container.get("volumeMounts", ())}


def _add_taint(spec: Json, key: str) -> None:
    taints = spec.setdefault("taints", [])
    if not any(taint.get("key") == key for taint in taints):
        taints.append({"key": key, "effect": "NoSchedule"})


def _job(obj: Json) -> None:
    """A job finds its pods by labels made from its UID and name, unless it names its own selector."""
    obj["status"] = {}
    spec = obj.setdefault("spec", {})
    if spec.get("manualSelector"):
        return
    uid, name = obj["metadata"]["uid"], obj["metadata"]["name"]
    labels = {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    obj["metadata"].setdefault("labels", {}).update(labels)
    spec.setdefault("template", {}).setdefault("metadata", {}).setdefault("labels", {}).update(labels)
    spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}


def qos_class(spec: Json) -> str:
    """Guaranteed, Burstable or BestEffort, from the requests and limits of a pod's containers."""
    containers = [*spec.get("initContainers", ()), *spec.get("containers", ())]
    asked = [one.get("resources", {}) for one in containers]
    if not any(
        _amount(one, kind, name) for one in asked for kind in ("requests", "limits") for name in _COMPUTE
    ):
        return "BestEffort"
    guaranteed = all(
        _amount(one, "limits", name)
        and _amount(one, "requests", name) in {None, _amount(one, "limits", name)}
        for one in asked
        for name in _COMPUTE
    )
    return "Guaranteed" if guaranteed else "Burstable"


def _amount(resources: Json, kind: str, name: str) -> Any:
    """A request or limit as a number; None if it is not given, or zero."""
    text = resources.get(kind, {}).get(name)
    return parse_quantity(text) or None if text is not None else None
