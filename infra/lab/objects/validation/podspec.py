"""Validation of the part that pods and pod templates share."""

from infra.lab.objects import names
from infra.lab.objects.quantities import parse_quantity
from infra.lab.objects.statuses import Cause, Json
from infra.lab.objects.validation.metadata import labels
from infra.lab.objects.wording import (
    duplicate,
    invalid,
    not_found,
    not_negative,
    one_of,
    required,
    shown,
    unsupported,
)

PROTOCOLS = ("SCTP", "TCP", "UDP")
_PORT = "must be between 1 and 65535, inclusive"
_RESTARTS = ("Always", "OnFailure", "Never")
_DNS = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_PULLS = ("Always", "IfNotPresent", "Never")
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def pod_spec(spec: Json, field: str) -> list[Cause]:
    """What is wrong with a pod's spec, in the order in which the server looks."""
    found, volumes = _volumes(spec, field)
    if not spec.get("containers"):
        found.append(required(f"{field}.containers"))
    seen: set[str] = set()
    for part in ("containers", "initContainers"):
        for index, one in enumerate(spec.get(part) or ()):
            found += _container(one, f"{field}.{part}[{index}]", seen, volumes)
    found += one_of(f"{field}.restartPolicy", spec.get("restartPolicy"), _RESTARTS)
    found += one_of(f"{field}.dnsPolicy", spec.get("dnsPolicy"), _DNS)
    found += not_negative(f"{field}.terminationGracePeriodSeconds", spec.get("terminationGracePeriodSeconds"))
    found += labels(spec.get("nodeSelector") or {}, f"{field}.nodeSelector")
    found += _tolerations(spec, field)
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= 2**31 - 1:
        words = "must be between 1 and 2147483647, inclusive"
        found.append(invalid(f"{field}.activeDeadlineSeconds", deadline, words))
    return found


def _volumes(spec: Json, field: str) -> tuple[list[Cause], set[str]]:
    found, seen = [], set()
    for index, volume in enumerate(spec.get("volumes") or ()):
        name, path = volume.get("name") or "", f"{field}.volumes[{index}].name"
        if not name:
            found.append(required(path))
        elif name in seen:
            found.append(duplicate(path, name))
        else:
            found += [invalid(path, name, words) for words in names.label(name)]
        seen.add(name)
    return found, seen


def _container(one: Json, field: str, seen: set[str], volumes: set[str]) -> list[Cause]:
    found = []
    name = one.get("name") or ""
    if not name:
        found.append(required(f"{field}.name"))
    elif name in seen:
        found.append(duplicate(f"{field}.name", name))
    else:
        found += [invalid(f"{field}.name", name, words) for words in names.label(name)]
    seen.add(name)
    image = one.get("image") or ""
    if not image:
        found.append(required(f"{field}.image"))
    elif image != image.strip():
        found.append(invalid(f"{field}.image", image, "must not have leading or trailing whitespace"))
    found += _ports(one, field)
    for index, variable in enumerate(one.get("env") or ()):
        if not variable.get("name"):
            found.append(required(f"{field}.env[{index}].name"))
    found += _mounts(one, field, volumes)
    found += one_of(f"{field}.imagePullPolicy", one.get("imagePullPolicy"), _PULLS)
    return [*found, *_resources(one.get("resources") or {}, f"{field}.resources")]


def _ports(container: Json, field: str) -> list[Cause]:
    found = []
    for index, port in enumerate(container.get("ports") or ()):
        path = f"{field}.ports[{index}]"
        if port.get("name"):
            found += [invalid(f"{path}.name", port["name"], words) for words in names.port_name(port["name"])]
        number = port.get("containerPort", 0)
        if not number:
            found.append(required(f"{path}.containerPort"))
        elif not 1 <= number <= 65535:
            found.append(invalid(f"{path}.containerPort", number, _PORT))
        if port.get("protocol") not in PROTOCOLS:
            found.append(unsupported(f"{path}.protocol", port.get("protocol", ""), PROTOCOLS))
    return found


def _mounts(container: Json, field: str, volumes: set[str]) -> list[Cause]:
    found = []
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        path = f"{field}.volumeMounts[{index}]"
        if not mount.get("name"):
            found.append(required(f"{path}.name"))
        elif mount["name"] not in volumes:
            found.append(not_found(f"{path}.name", mount["name"]))
        if not mount.get("mountPath"):
            found.append(required(f"{path}.mountPath"))
    return found


def _resources(resources: Json, field: str) -> list[Cause]:
    """Requests and limits: not negative, and no request above its limit."""
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    found = [
        invalid(f"{field}.{part}[{name}]", text, "must be greater than or equal to 0")
        for part, amounts in (("limits", limits), ("requests", requests))
        for name, text in amounts.items()
        if parse_quantity(text) < 0
    ]
    for name, text in requests.items():
        if name in limits and parse_quantity(text) > parse_quantity(limits[name]):
            words = f"must be less than or equal to {name} limit of {limits[name]}"
            found.append(invalid(f"{field}.requests", text, words))
    return found


def _tolerations(spec: Json, field: str) -> list[Cause]:
    found = []
    for index, one in enumerate(spec.get("tolerations") or ()):
        path = f"{field}.tolerations[{index}]"
        operator = one.get("operator")
        if not one.get("key") and operator != "Exists":
            words = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            found.append(invalid(f"{path}.operator", operator or "", words))
        if one.get("tolerationSeconds") is not None and one.get("effect") != "NoExecute":
            words = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            found.append(invalid(f"{path}.effect", one.get("effect", ""), words))
        if operator not in {None, "Equal", "Exists", "Gt", "Lt"}:
            found.append(
                Cause(
                    "FieldValueNotSupported",
                    f'Unsupported value: {shown(operator)}: supported values: "Equal", "Exists"',
                    f"{path}.operator",
                )
            )
        found += one_of(f"{path}.effect", one.get("effect") or None, _EFFECTS)
    return found
