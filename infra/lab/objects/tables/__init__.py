"""Objects as kubectl prints them: tables, and metadata alone."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from infra.lab.objects.resource import Resource
from infra.lab.objects.statuses import Json
from infra.lab.objects.tables import builtin, custom
from infra.lab.objects.tables.column import Column

__all__ = ["as_partial_metadata", "as_partial_metadata_list", "as_table"]

_GROUP_VERSION = "meta.k8s.io/v1"


def as_table(
    resource: Resource,
    items: Sequence[Json],
    *,
    now: datetime,
    metadata: Json | None = None,
    include: str = "Metadata",
) -> Json:
    """A Table of objects.

    Args:
        resource: what they are.
        items: the objects.
        now: the time ages are counted to, with its zone.
        metadata: the list's metadata; None for a single object.
        include: "Metadata", "Object" or "None": what each row carries beside its cells.
    """
    columns = columns_of(resource)
    rows = [
        {"cells": [column.cell(item, now) for column in columns], "object": _carried(resource, item, include)}
        for item in items
    ]
    definitions = [column.definition for column in columns]
    return {
        "kind": "Table",
        "apiVersion": _GROUP_VERSION,
        "metadata": metadata or {},
        "columnDefinitions": definitions,
        "rows": rows,
    }


def columns_of(resource: Resource) -> tuple[Column, ...]:
    """The columns of a resource."""
    return custom.columns(resource) if resource.custom else builtin.columns(resource)


def _carried(resource: Resource, item: Json, include: str) -> Any:
    match include:
        case "None":
            return None
        case "Object":
            return {"kind": resource.kind, "apiVersion": resource.group_version, **item}
        case _:
            return as_partial_metadata(item)


def as_partial_metadata(obj: Json) -> Json:
    """An object's metadata alone."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": _GROUP_VERSION,
        "metadata": obj.get("metadata") or {},
    }


def as_partial_metadata_list(items: Sequence[Json], metadata: Json) -> Json:
    """The metadata of many objects; `metadata` is the list's own."""
    listed = [as_partial_metadata(item) for item in items]
    return {
        "kind": "PartialObjectMetadataList",
        "apiVersion": _GROUP_VERSION,
        "metadata": metadata,
        "items": listed,
    }
