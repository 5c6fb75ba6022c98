"""managedFields: who wrote what."""

from typing import Any

from infra.lab.apiserver.request import Request, Route

Object = dict[str, Any]


class FieldManagers:
    """Keeps managedFields with every write."""

    def track(self, request: Request, route: Route, old: Object | None, new: Object) -> Object:
        """The new state with its managedFields."""
        return new
