"""Answers in the form a client asked for: tables and metadata instead of whole objects."""

from typing import Any

from infra.lab.apiserver import clock
from infra.lab.apiserver.request import Form
from infra.lab.objects import statuses, tables
from infra.lab.objects.resource import Resource
from infra.lab.objects.statuses import StatusError

Object = dict[str, Any]


def presented(body: Object, resource: Resource | None, form: Form, include: str) -> Object:
    """A body as the form wants it."""
    if resource is None or not form.kind or body.get("kind") == "Status":
        return body
    is_list = "items" in body and body.get("kind", "").endswith("List")
    if form.kind == "Table":
        return _table(body, resource, body["items"] if is_list else [body], include)
    if form.kind == "PartialObjectMetadataList" and not is_list:
        asked = "you requested PartialObjectMetadataList, but the requested object is not a list"
        words = f"{asked} (*core.{body['kind']})"
        raise StatusError(statuses.not_acceptable(words))
    if not is_list:
        return tables.as_partial_metadata(body)
    return tables.as_partial_metadata_list(body["items"], body["metadata"])


def presented_event(kind: str, item: Object, resource: Resource | None, form: Form, include: str) -> Object:
    """The object of a watch event as the form wants it."""
    if resource is None or not form.kind:
        return item
    if form.kind == "Table":
        items = [] if kind == "BOOKMARK" else [item]
        table = _table(item, resource, items, include)
        return {**table, "metadata": {"resourceVersion": item["metadata"]["resourceVersion"]}}
    return tables.as_partial_metadata(item)


def _table(body: Object, resource: Resource, items: list[Object], include: str) -> Object:
    kept = ("resourceVersion", "continue", "remainingItemCount")
    metadata = {key: body["metadata"][key] for key in kept if key in body["metadata"]}
    return tables.as_table(resource, items, now=clock.now(), metadata=metadata, include=include or "Metadata")
