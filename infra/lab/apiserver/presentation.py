"""How stored objects leave the server and documents enter it: kind, apiVersion, and the two event APIs."""

from collections.abc import Sequence
from typing import Any

from infra.lab.apiserver import event_forms
from infra.lab.objects.resource import Resource

Object = dict[str, Any]


def shown(resource: Resource, stored: Object) -> Object:
    """A stored object as the API shows it: kind and apiVersion first."""
    return {"kind": resource.kind, "apiVersion": resource.group_version, **body_of(resource, stored)}


def body_of(resource: Resource, stored: Object) -> Object:
    """A stored object in the form of the asked API, without kind and apiVersion."""
    return event_forms.to_new(stored) if event_forms.is_new_api(resource) else stored


def stored_form(resource: Resource, document: Object) -> Object:
    """A document as it is stored: without kind and apiVersion, events in their core form."""
    bare = {key: value for key, value in document.items() if key not in {"kind", "apiVersion"}}
    return event_forms.to_core(bare) if event_forms.is_new_api(resource) else bare


def as_list(resource: Resource, items: Sequence[Object], metadata: Object) -> Object:
    """A list answer. Items of built-in kinds carry neither kind nor apiVersion; custom ones do."""
    show = shown if resource.custom else body_of
    if resource.custom:
        metadata = {"continue": "", **metadata}
    return {
        "kind": resource.list_kind or f"{resource.kind}List",
        "apiVersion": resource.group_version,
        "metadata": metadata,
        "items": [show(resource, item) for item in items],
    }
