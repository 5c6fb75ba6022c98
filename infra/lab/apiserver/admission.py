"""What other objects have to say about a write: the namespace's phase, quotas, limits, service accounts."""

from typing import TYPE_CHECKING, Any

from infra.lab.apiserver.request import Request, Route
from infra.lab.objects import statuses
from infra.lab.objects.statuses import StatusError

if TYPE_CHECKING:
    from infra.lab.apiserver.server import ApiServer

Object = dict[str, Any]


class Admission:
    """The admission chain."""

    def __init__(self, server: "ApiServer") -> None:
        self._server = server

    def admit_create(self, request: Request, route: Route, document: Object) -> Object:
        """A new object as it may be created, or a refusal."""
        if route.namespace is not None:
            self._require_namespace(route)
        return document

    def admit_update(self, request: Request, route: Route, old: Object, new: Object) -> Object:
        """A new state as it may be stored, or a refusal."""
        return new

    def charge(self, request: Request, route: Route, document: Object, *, dry_run: bool) -> None:
        """Count a new object against the quotas of its namespace, or refuse it."""

    def _require_namespace(self, route: Route) -> None:
        namespace = route.namespace or ""
        found = self._server.store.collection("/namespaces").get(("", namespace))
        if found is None:
            raise StatusError(statuses.not_found(namespace, "namespaces"))
