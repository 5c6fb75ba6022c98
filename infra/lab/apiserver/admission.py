"""What other objects have to say about a write: the namespace's phase, quotas, limits, service accounts."""

from typing import TYPE_CHECKING, Any

from infra.lab.apiserver import binding, quotas
from infra.lab.apiserver.request import Route
from infra.lab.objects import statuses
from infra.lab.objects.defaults import default
from infra.lab.objects.statuses import StatusError

if TYPE_CHECKING:
    from infra.lab.apiserver.server import ApiServer

Object = dict[str, Any]

_LASTING = frozenset({"default", "kube-public", "kube-system"})


class Admission:
    """The admission chain."""

    def __init__(self, server: "ApiServer") -> None:
        self._server = server

    def admit_create(self, route: Route, document: Object) -> Object:
        """A new object as it may be created, or a refusal."""
        if route.namespace is not None:
            self._require_namespace(route, document)
        match (route.resource.group, route.resource.kind):
            case ("", "Pod"):
                return self._admit_pod(route, document)
            case ("", "Service"):
                return self._server.addresses.assign(document)
            case _:
                return document

    def admit_update(self, route: Route, old: Object, new: Object) -> Object:
        """A new state as it may be stored, or a refusal."""
        if (route.resource.group, route.resource.kind, route.subresource) == ("", "Service", ""):
            return self._server.addresses.keep(old, new)
        return new

    def admit_delete(self, route: Route) -> None:
        """Refuse to delete what a cluster needs."""
        if route.collection == "/namespaces" and route.name in _LASTING:
            why = "this namespace may not be deleted"
            raise StatusError(statuses.forbidden(route.name, "namespaces", "", why=why))

    def charge(self, route: Route, document: Object, *, dry_run: bool) -> None:
        """Count a new object against the quotas of its namespace, or refuse it."""
        if route.namespace is not None:
            quotas.charge(self._server, route, document, dry_run=dry_run)

    def _require_namespace(self, route: Route, document: Object) -> None:
        namespace = route.namespace or ""
        found = self._server.store.collection("/namespaces").get(("", namespace))
        if found is None:
            raise StatusError(statuses.not_found(namespace, "namespaces"))
        if "deletionTimestamp" not in found["metadata"]:
            return
        name, resource = document["metadata"].get("name", ""), route.resource
        why = f"unable to create new content in namespace {namespace} because it is being terminated"
        body = statuses.forbidden(name, resource.plural, resource.group, why=why)
        words = f"namespace {namespace} is being terminated"
        body["details"]["causes"] = [
            {"reason": "NamespaceTerminating", "message": words, "field": "metadata.namespace"}
        ]
        raise StatusError(body)

    def _admit_pod(self, route: Route, pod: Object) -> Object:
        self._require_account(route, pod)
        default(pod, route.resource)
        pod = quotas.apply_limits(self._server, route, pod)
        node = pod["spec"].get("nodeName")
        return binding.with_topology(self._server, pod, node) if node else pod

    def _require_account(self, route: Route, pod: Object) -> None:
        name = (pod.get("spec") or {}).get("serviceAccountName") or "default"
        found = self._server.store.collection("/serviceaccounts").get((route.namespace or "", name))
        if found is None:
            why = (
                f"error looking up service account {route.namespace}/{name}: "
                f'serviceaccount "{name}" not found'
            )
            raise StatusError(statuses.forbidden(pod["metadata"].get("name", ""), "pods", "", why=why))
