"""Defaults of pods and of the pod templates inside workloads."""

from typing import Any

from infra.lab.objects.statuses import Json

_MODE = 0o644
_SOURCES_WITH_MODE = ("configMap", "secret", "downwardAPI", "projected")
_CONTAINER_LISTS = ("initContainers", "containers", "ephemeralContainers")


def pod(obj: Json) -> None:
    """A pod: its spec, and requests where only limits are given."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("enableServiceLinks", True)
    pod_spec(spec)
    for container in [*spec.get("initContainers", ()), *spec.get("containers", ())]:
        resources = container["resources"]
        missing = {
            k: v for k, v in resources.get("limits", {}).items() if k not in resources.get("requests", {})
        }
        if missing:
            resources.setdefault("requests", {}).update(missing)
    status = obj.get("status") or {}
    for one in status.get("conditions", ()):
        _null_times(one, "lastProbeTime", "lastTransitionTime")
    for name in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"):
        for one in status.get(name, ()):
            _container_status(one)


def _null_times(condition: Json, *names: str) -> None:
    """Times the server writes as null when they are not known."""
    for name in names:
        condition.setdefault(name, None)


def _container_status(one: Json) -> None:
    for key, value in (("state", {}), ("lastState", {}), ("ready", False), ("restartCount", 0)):
        one.setdefault(key, value)
    one.setdefault("image", "")
    one.setdefault("imageID", "")


def template(obj: Json) -> None:
    """A pod template; an absent one stays absent, validation says what it lacks."""
    obj.setdefault("metadata", {})
    pod_spec(obj.setdefault("spec", {}))


def pod_spec(spec: Json) -> None:
    """The part that pods and templates share."""
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("securityContext", {})
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("schedulerName", "default-scheduler")
    _account(spec)
    for volume in spec.get("volumes", ()):
        _volume(volume)
    for name in _CONTAINER_LISTS:
        for container in spec.get(name) or ():
            _container(container)
    if spec.get("hostNetwork"):
        for container in spec.get("containers", ()):
            for port in container.get("ports", ()):
                port.setdefault("hostPort", port.get("containerPort"))


def _account(spec: Json) -> None:
    """The old and the new name of the service account show the same; the new one decides."""
    name = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if name:
        spec["serviceAccountName"] = spec["serviceAccount"] = name


def _container(container: Json) -> None:
    container.setdefault("resources", {})
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    if "imagePullPolicy" not in container:
        container["imagePullPolicy"] = "Always" if _is_latest(container.get("image", "")) else "IfNotPresent"
    for port in container.get("ports", ()):
        port.setdefault("protocol", "TCP")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if name in container:
            _probe(container[name])
    for hook in container.get("lifecycle", {}).values():
        if isinstance(hook, dict) and "httpGet" in hook:
            _http_get(hook["httpGet"])
    for variable in container.get("env", ()):
        reference = variable.get("valueFrom", {}).get("fieldRef")
        if reference is not None:
            reference.setdefault("apiVersion", "v1")


def _is_latest(image: str) -> bool:
    """Whether an image has the tag `latest`, or neither tag nor digest."""
    if "@" in image:
        return False
    _, colon, tag = image.rpartition("/")[2].partition(":")
    return not colon or tag == "latest"


def _probe(probe: Json) -> None:
    probe.setdefault("timeoutSeconds", 1)
    probe.setdefault("periodSeconds", 10)
    probe.setdefault("successThreshold", 1)
    probe.setdefault("failureThreshold", 3)
    if "httpGet" in probe:
        _http_get(probe["httpGet"])
    if "grpc" in probe:
        probe["grpc"].setdefault("service", "")


def _http_get(action: Json) -> None:
    action.setdefault("path", "/")
    action.setdefault("scheme", "HTTP")


def _volume(volume: Json) -> None:
    sources: list[Any] = [value for key, value in volume.items() if key != "name"]
    if not sources:
        volume["emptyDir"] = {}
    for name in _SOURCES_WITH_MODE:
        if name in volume:
            volume[name].setdefault("defaultMode", _MODE)
    for source in volume.get("projected", {}).get("sources", ()):
        if "serviceAccountToken" in source:
            source["serviceAccountToken"].setdefault("expirationSeconds", 3600)
        _field_versions(source.get("downwardAPI", {}))
    _field_versions(volume.get("downwardAPI", {}))
    if "hostPath" in volume:
        volume["hostPath"].setdefault("type", "")


def _field_versions(source: Json) -> None:
    for item in source.get("items", ()):
        if "fieldRef" in item:
            item["fieldRef"].setdefault("apiVersion", "v1")
