"""How stored objects leave the server: with kind and apiVersion, as lists, in the asked version."""

from collections.abc import Sequence
from typing import Any

from infra.lab.objects.resources import Resource

Object = dict[str, Any]


def api_version(resource: Resource) -> str:
    """``apps/v1``; ``v1`` for the core group."""
    return f"{resource.group}/{resource.version}" if resource.group else resource.version


def shown(resource: Resource, stored: Object) -> Object:
    """A stored object as the API shows it: kind and apiVersion first."""
    return {"kind": resource.kind, "apiVersion": api_version(resource), **body_of(resource, stored)}


def body_of(resource: Resource, stored: Object) -> Object:
    """A stored object in the form of the asked API, without kind and apiVersion."""
    return stored


def bare(document: Object) -> Object:
    """A document as it is stored: without kind and apiVersion."""
    return {key: value for key, value in document.items() if key not in {"kind", "apiVersion"}}


def as_list(resource: Resource, items: Sequence[Object], metadata: Object) -> Object:
    """A list answer. Items of built-in kinds carry neither kind nor apiVersion; custom ones do."""
    show = shown if resource.custom else body_of
    return {
        "kind": f"{resource.kind}List",
        "apiVersion": api_version(resource),
        "metadata": metadata,
        "items": [show(resource, item) for item in items],
    }
