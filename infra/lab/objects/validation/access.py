"""Validation of role bindings."""

import json

from infra.lab.objects.statuses import Cause, Json
from infra.lab.objects.wording import one_of, required


def role_binding(obj: Json, old: Json | None) -> list[Cause]:
    """A (cluster) role binding: its role may never change."""
    reference = obj.get("roleRef") or {}
    found = []
    was = (old or {}).get("roleRef")
    if was is not None and reference != was:
        shown = {
            name: reference.get(key, "")
            for name, key in (("APIGroup", "apiGroup"), ("Kind", "kind"), ("Name", "name"))
        }
        text = json.dumps(shown, separators=(",", ":"))
        found.append(Cause("FieldValueInvalid", f"Invalid value: {text}: cannot change roleRef", "roleRef"))
    found += one_of("roleRef.kind", reference.get("kind"), ("Role", "ClusterRole"))
    if not reference.get("name"):
        found.append(required("roleRef.name"))
    for index, subject in enumerate(obj.get("subjects") or ()):
        field = f"subjects[{index}]"
        if not subject.get("name"):
            found.append(required(f"{field}.name"))
        found += one_of(f"{field}.kind", subject.get("kind"), ("ServiceAccount", "User", "Group"))
    return found
