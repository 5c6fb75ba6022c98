"""Validation of nodes, leases, events and custom resource definitions."""

from typing import Any

from infra.lab.objects import names
from infra.lab.objects.statuses import Cause, Json
from infra.lab.objects.wording import immutable, invalid, not_negative, required, unsupported

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_EVENT_TYPES = ("Normal", "Warning")
_EVENT_FROZEN = (
    "involvedObject",
    "reason",
    "message",
    "type",
    "reportingComponent",
    "reportingInstance",
    "action",
)


def node(obj: Json, old: Json | None) -> list[Cause]:
    """A node: its taints. On update the server looks twice and says so twice."""
    found = []
    for index, taint in enumerate((obj.get("spec") or {}).get("taints") or ()):
        field = f"metadata.taints[{index}]"
        found += [
            invalid(f"{field}.key", taint.get("key", ""), words)
            for words in names.qualified(taint.get("key", ""))
        ]
        effect = taint.get("effect") or ""
        if not effect:
            found.append(required(f"{field}.effect"))
        elif effect not in _EFFECTS:
            found.append(unsupported(f"{field}.effect", effect, _EFFECTS))
    return [*found, *found] if old is not None else found


def lease(obj: Json, old: Json | None) -> list[Cause]:
    """A lease."""
    del old
    spec = obj.get("spec") or {}
    duration = spec.get("leaseDurationSeconds")
    found = []
    if duration is not None and duration <= 0:
        found.append(invalid("spec.leaseDurationSeconds", duration, "must be greater than 0"))
    return [*found, *not_negative("spec.leaseTransitions", spec.get("leaseTransitions"))]


def core_event(obj: Json, old: Json | None) -> list[Cause]:
    """An event written through the core API: it has to be in the namespace of what it is about."""
    del old
    about = (obj.get("involvedObject") or {}).get("namespace", "")
    namespace = (obj.get("metadata") or {}).get("namespace", "")
    if about == namespace or (not about and namespace == "default"):
        return []
    return [invalid("involvedObject.namespace", about, "does not match event.namespace")]


def new_event(obj: Json, old: Json | None) -> list[Cause]:
    """An event written through events.k8s.io (given in its stored, core form): stricter."""
    if old is not None:
        return [immutable(key, obj.get(key)) for key in _EVENT_FROZEN if _part(obj, key) != _part(old, key)]
    if not obj.get("eventTime"):
        kind = obj.get("type") or ""
        wrong = [] if kind in _EVENT_TYPES else [_event_type(kind)]
        return [required("eventTime"), *wrong]
    found = core_event(obj, None)
    component = obj.get("reportingComponent") or ""
    if not component:
        found.append(required("reportingController"))
    else:
        found += [invalid("reportingController", component, words) for words in names.qualified(component)]
    found += [required(key) for key in ("reportingInstance", "action", "reason") if not obj.get(key)]
    kind = obj.get("type") or ""
    return found if kind in _EVENT_TYPES else [*found, _event_type(kind)]


def _part(event: Json, key: str) -> Any:
    """A part of an event; empty and absent are the same."""
    return event.get(key) or None


def _event_type(kind: str) -> Cause:
    return Cause("FieldValueInvalid", f'Invalid value: "": has invalid value: {kind}', "type")


def definition(obj: Json, old: Json | None) -> list[Cause]:
    """A custom resource definition: what the lab relies on."""
    del old
    spec = obj.get("spec") or {}
    resource_names = spec.get("names") or {}
    found = []
    if (obj.get("metadata") or {}).get(
        "name"
    ) != f"{resource_names.get('plural', '')}.{spec.get('group', '')}":
        words = 'must be spec.names.plural+"."+spec.group'
        found.append(invalid("metadata.name", obj["metadata"].get("name", ""), words))
    if not spec.get("group"):
        found.append(required("spec.group"))
    scope = spec.get("scope") or ""
    if not scope:
        found.append(required("spec.scope"))
    elif scope not in {"Cluster", "Namespaced"}:
        found.append(unsupported("spec.scope", scope, ("Cluster", "Namespaced")))
    versions = spec.get("versions") or []
    if sum(bool(version.get("storage")) for version in versions) != 1:
        words = "must have exactly one version marked as storage version"
        found.append(invalid("spec.versions", versions, words))
    for index, version in enumerate(versions):
        if not (version.get("schema") or {}).get("openAPIV3Schema"):
            found.append(required(f"spec.versions[{index}].schema.openAPIV3Schema", "schemas are required"))
    return [
        *found,
        *(required(f"spec.names.{key}") for key in ("plural", "kind") if not resource_names.get(key)),
    ]
