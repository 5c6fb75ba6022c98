"""What a cluster has before anybody uses it: namespaces, and the roles that every user gets."""

from typing import TYPE_CHECKING, Any

from infra.lab.apiserver.request import ADMIN, Request, Route

if TYPE_CHECKING:
    from infra.lab.apiserver.server import ApiServer

Object = dict[str, Any]

NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
_RBAC = "rbac.authorization.k8s.io"
_INFO = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
_DISCOVERY = ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", *_INFO]
_READ = ["get", "list", "watch"]
_WRITE = ["create", "delete", "deletecollection", "patch", "update"]

ROLES: dict[str, list[Object]] = {
    "cluster-admin": [
        {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
        {"verbs": ["*"], "nonResourceURLs": ["*"]},
    ],
    "edit": [{"verbs": [*_READ, *_WRITE], "apiGroups": ["", "apps", "batch", "policy"], "resources": ["*"]}],
    "system:basic-user": [
        {
            "verbs": ["create"],
            "apiGroups": ["authorization.k8s.io"],
            "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
        },
        {"verbs": ["create"], "apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"]},
    ],
    "system:discovery": [{"verbs": ["get"], "nonResourceURLs": _DISCOVERY}],
    "system:public-info-viewer": [{"verbs": ["get"], "nonResourceURLs": _INFO}],
    "view": [{"verbs": _READ, "apiGroups": ["", "apps", "batch", "policy"], "resources": ["*"]}],
}
BINDINGS: dict[str, tuple[str, ...]] = {
    "cluster-admin": ("system:masters",),
    "system:basic-user": ("system:authenticated",),
    "system:discovery": ("system:authenticated",),
    "system:public-info-viewer": ("system:authenticated", "system:unauthenticated"),
}
"""Roles that are bound from the start, to groups."""


def fill(server: "ApiServer") -> None:
    """Create it all in an empty store."""
    for name in NAMESPACES:
        _create(server, "", "namespaces", {"metadata": {"name": name}})
    for name, rules in ROLES.items():
        _create(server, _RBAC, "clusterroles", {"metadata": {"name": name}, "rules": rules})
    for name, groups in BINDINGS.items():
        subjects = [{"kind": "Group", "apiGroup": _RBAC, "name": group} for group in groups]
        reference = {"apiGroup": _RBAC, "kind": "ClusterRole", "name": name}
        binding = {"metadata": {"name": name}, "subjects": subjects, "roleRef": reference}
        _create(server, _RBAC, "clusterrolebindings", binding)


def _create(server: "ApiServer", group: str, plural: str, document: Object) -> None:
    from infra.lab.apiserver.writing import create_object

    resource = server.registry.lookup(group, "v1", plural)
    if resource is None:
        message = f"the table of resources lacks {plural}.{group}"
        raise LookupError(message)
    request = Request("POST", resource.api_path(), {}, {"user-agent": "kube-apiserver"}, ADMIN)
    create_object(server, request, Route("create", resource, None, None), document)
