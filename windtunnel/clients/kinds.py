"""Where each kind lives in the API, and how its paths are spelled."""

from dataclasses import dataclass
from urllib.parse import quote

from windtunnel.model.errors import InputError


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object as the API serves it. *group* is empty for the core group."""

    kind: str
    plural: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """Return what objects of this kind carry as `apiVersion`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, *, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the path of a collection, an object or a subresource; names are quoted."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        where = f"/namespaces/{quote(namespace, safe='')}" if self.namespaced and namespace else ""
        what = f"/{quote(name, safe='')}" if name else ""
        return f"{root}{where}/{self.plural}{what}" + (f"/{subresource}" if subresource else "")


_KNOWN = (
    Resource("Pod", "pods"),
    Resource("Service", "services"),
    Resource("ConfigMap", "configmaps"),
    Resource("Secret", "secrets"),
    Resource("Event", "events"),
    Resource("Namespace", "namespaces", namespaced=False),
    Resource("Node", "nodes", namespaced=False),
    Resource("Deployment", "deployments", "apps"),
    Resource("StatefulSet", "statefulsets", "apps"),
    Resource("DaemonSet", "daemonsets", "apps"),
    Resource("ReplicaSet", "replicasets", "apps"),
    Resource("Job", "jobs", "batch"),
    Resource("Lease", "leases", "coordination.k8s.io"),
    Resource("PodDisruptionBudget", "poddisruptionbudgets", "policy"),
    Resource("EndpointSlice", "endpointslices", "discovery.k8s.io"),
    Resource("HorizontalPodAutoscaler", "horizontalpodautoscalers", "autoscaling", "v2"),
    Resource("SelfSubjectAccessReview", "selfsubjectaccessreviews", "authorization.k8s.io", namespaced=False),
)
_SHORT = {
    "po": "Pod",
    "svc": "Service",
    "cm": "ConfigMap",
    "ns": "Namespace",
    "no": "Node",
    "deploy": "Deployment",
    "sts": "StatefulSet",
    "ds": "DaemonSet",
    "rs": "ReplicaSet",
    "pdb": "PodDisruptionBudget",
    "hpa": "HorizontalPodAutoscaler",
}
_BY_NAME = {key: r for r in _KNOWN for key in (r.kind.lower(), r.plural)} | {
    short: next(r for r in _KNOWN if r.kind == kind) for short, kind in _SHORT.items()
}
_EXPLICIT_PARTS = 3  # plural.version.group, as kubectl writes it


def resource(kind: str | Resource) -> Resource:
    """Find a kind by name ("Deployment", "deployments", "deploy"), or by `plural.version.group`.

    Raises:
        InputError: the name is none of these.
    """
    if isinstance(kind, Resource):
        return kind
    if found := _BY_NAME.get(kind.lower()):
        return found
    plural, version, group = ([*kind.split(".", 2), "", ""])[:_EXPLICIT_PARTS]
    if plural and version and group:
        return Resource(kind=plural, plural=plural, group=group, version=version)
    msg = f"{kind!r} is no known kind; write plural.version.group, as in certificates.v1.cert-manager.io"
    raise InputError(msg)


def split_reference(text: str) -> tuple[Resource, str]:
    """Read "deployment/checkout" as a kind and a name.

    Raises:
        InputError: there is no slash, a part is empty, or the kind is unknown.
    """
    kind, slash, name = text.partition("/")
    if not slash or not kind or not name or "/" in name:
        msg = f"{text!r} does not name an object; write kind/name, as in deployment/checkout"
        raise InputError(msg)
    return resource(kind), name
