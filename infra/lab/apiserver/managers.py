"""managedFields: who wrote what."""

from typing import Any

from infra.lab.apiserver import clock
from infra.lab.apiserver.request import Request, Route
from infra.lab.objects.apply import track_write

Object = dict[str, Any]


def tracked(request: Request, route: Route, old: Object | None, new: Object) -> Object:
    """A new state with its managedFields after an ordinary write."""
    fields = track_write(
        old,
        new,
        manager=request.manager,
        resource=route.resource,
        now=clock.timestamp(),
        subresource=route.subresource,
    )
    return with_fields(new, fields)


def with_fields(document: Object, fields: list[Object]) -> Object:
    """A document with these managedFields."""
    return {**document, "metadata": {**document["metadata"], "managedFields": fields}}
