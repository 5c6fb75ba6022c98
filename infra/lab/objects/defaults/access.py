"""Defaults of secrets and role bindings."""

import base64

from infra.lab.objects.statuses import Json

_RBAC = "rbac.authorization.k8s.io"


def secret(obj: Json) -> None:
    """A secret: `stringData` is encoded into `data` and never shown."""
    for key, text in (obj.pop("stringData", None) or {}).items():
        obj.setdefault("data", {})[key] = base64.b64encode(text.encode()).decode()
    obj.setdefault("type", "Opaque")


def role_binding(obj: Json) -> None:
    """A (cluster) role binding."""
    obj.setdefault("roleRef", {}).setdefault("apiGroup", _RBAC)
    for subject in obj.get("subjects", ()):
        if subject.get("kind") in {"User", "Group"}:
            subject.setdefault("apiGroup", _RBAC)
