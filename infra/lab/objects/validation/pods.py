"""Validation of pods and of what may change about them."""

from copy import deepcopy

from infra.lab.objects import names
from infra.lab.objects.statuses import Cause, Json
from infra.lab.objects.validation.podspec import pod_spec
from infra.lab.objects.wording import duplicate, forbidden, invalid, not_found, required

_CHANGEABLE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n"
)
_NOT_EPHEMERAL = ("ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "resources")


def pod(obj: Json, old: Json | None) -> list[Cause]:
    """A whole pod."""
    spec = obj.get("spec") or {}
    if old is None:
        found = pod_spec(spec, "spec")
        if spec.get("ephemeralContainers"):
            found.append(forbidden("spec.ephemeralContainers", "cannot be set on create"))
        return found
    return _update(spec, old.get("spec") or {})


def _update(new: Json, old: Json) -> list[Cause]:
    for part in ("containers", "initContainers"):
        if len(new.get(part) or ()) != len(old.get(part) or ()):
            return [forbidden(f"spec.{part}", "pod updates may not add or remove containers")]
    found = pod_spec(new, "spec")
    found += _gates(new, old)
    if found:
        return found
    return [] if _masked(new, old) == old else [forbidden("spec", _CHANGEABLE)]


def _gates(new: Json, old: Json) -> list[Cause]:
    """Scheduling gates can only be removed."""
    had = [gate.get("name") for gate in old.get("schedulingGates") or ()]
    return [
        forbidden(
            f"spec.schedulingGates[{index}].name",
            f"only deletion is allowed, but found new scheduling gate '{gate.get('name')}'",
        )
        for index, gate in enumerate(new.get("schedulingGates") or ())
        if gate.get("name") not in had
    ]


def _masked(new: Json, old: Json) -> Json:
    """The new spec with everything that may change put back to what it was."""
    masked = deepcopy(new)
    for part in ("containers", "initContainers"):
        for mine, theirs in zip(masked.get(part) or (), old.get(part) or (), strict=True):
            mine["image"] = theirs.get("image")
    gated = bool(old.get("schedulingGates"))
    for key in ("activeDeadlineSeconds", "schedulingGates", *(("nodeSelector", "affinity") if gated else ())):
        _restore(masked, old, key)
    tolerations = old.get("tolerations") or []
    if all(one in (masked.get("tolerations") or []) for one in tolerations):
        _restore(masked, old, "tolerations")
    if (old.get("terminationGracePeriodSeconds") or 0) < 0:
        _restore(masked, old, "terminationGracePeriodSeconds")
    return masked


def _restore(spec: Json, old: Json, key: str) -> None:
    if key in old:
        spec[key] = old[key]
    else:
        spec.pop(key, None)


def subresource(obj: Json, old: Json, name: str) -> list[Cause]:
    """What is written below a pod: its status, its ephemeral containers. The rest is trusted."""
    if name == "status":
        return _status(obj.get("status") or {})
    return _ephemeral(obj.get("spec") or {}, old.get("spec") or {}) if name == "ephemeralcontainers" else []


def _status(status: Json) -> list[Cause]:
    return [
        invalid(f"status.conditions[{index}].Type", condition.get("type", ""), words)
        for index, condition in enumerate(status.get("conditions") or ())
        for words in names.qualified(condition.get("type", ""))
    ]


def _ephemeral(spec: Json, old: Json) -> list[Cause]:
    """Ephemeral containers are only ever added."""
    field = "spec.ephemeralContainers"
    others = [one.get("name") for part in ("initContainers", "containers") for one in spec.get(part) or ()]
    had = {one["name"]: one for one in old.get("ephemeralContainers") or ()}
    found, seen = [], set(others)
    for index, one in enumerate(spec.get("ephemeralContainers") or ()):
        found += _one_ephemeral(one, f"{field}[{index}]", others, seen)
        seen.add(one.get("name"))
    if found:
        return found
    now = {one["name"]: one for one in spec.get("ephemeralContainers") or ()}
    for name, one in had.items():
        if name not in now:
            found.append(forbidden(field, f'existing ephemeral containers "{name}" may not be removed\n'))
        elif now[name] != one:
            found.append(forbidden(field, f'existing ephemeral containers "{name}" may not be changed\n'))
    return found


def _one_ephemeral(one: Json, field: str, others: list[str | None], seen: set[str | None]) -> list[Cause]:
    found = []
    name = one.get("name") or ""
    if not name:
        found.append(required(f"{field}.name"))
    elif name in seen:
        found.append(duplicate(f"{field}.name", name))
    else:
        found += [invalid(f"{field}.name", name, words) for words in names.label(name)]
    if not one.get("image"):
        found.append(required(f"{field}.image"))
    target = one.get("targetContainerName")
    if target and target not in others:
        found.append(not_found(f"{field}.targetContainerName", target))
    found += [
        forbidden(f"{field}.{key}", "cannot be set for an Ephemeral Container")
        for key in _NOT_EPHEMERAL
        if one.get(key)
    ]
    return found
