"""Custom resource definitions: establishing them, serving what they define, and cleaning up after them."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from infra.lab.apiserver import clock
from infra.lab.apiserver.deletion import DEFINITION_FINALIZER, DeleteOptions
from infra.lab.apiserver.request import Route, collection_name

if TYPE_CHECKING:
    from infra.lab.apiserver.server import ApiServer

Object = dict[str, Any]

COLLECTION = "apiextensions.k8s.io/customresourcedefinitions"


class Definitions:
    """Does a moment later what follows from a write to a definition, as controllers do on a real server."""

    def __init__(self, server: "ApiServer") -> None:
        self._server = server

    def stored(self, definition: Object) -> None:
        """A definition was written."""
        name = definition["metadata"]["name"]
        if "deletionTimestamp" in definition["metadata"]:
            _soon(lambda: self._clean_up(name))
        elif _is_established(definition):
            self._server.registry.define(definition)
        else:
            _soon(lambda: self._establish(name))

    def removed(self, definition: Object) -> None:
        """A definition is gone, and all of its objects are."""
        self._server.registry.forget(definition["metadata"]["name"])

    def object_removed(self, route: Route) -> None:
        """A custom object is gone: perhaps its definition only waited for that."""
        name = f"{route.resource.plural}.{route.resource.group}"
        found = self._server.store.collection(COLLECTION).get(("", name))
        if found is not None and "deletionTimestamp" in found["metadata"]:
            _soon(lambda: self._clean_up(name))

    def _establish(self, name: str) -> None:
        definition = self._server.store.collection(COLLECTION).get(("", name))
        if definition is None or _is_established(definition):
            return
        names = definition["spec"]["names"]
        accepted = {
            key: names[key]
            for key in ("plural", "singular", "shortNames", "kind", "listKind", "categories")
            if key in names
        }
        now = clock.timestamp()
        conditions = [
            _condition("NamesAccepted", "NoConflicts", "no conflicts found", now),
            _condition("Established", "InitialNamesAccepted", "the initial names have been accepted", now),
        ]
        status = {**definition.get("status", {}), "conditions": conditions, "acceptedNames": accepted}
        self._write(name, {**definition, "status": status})

    def _clean_up(self, name: str) -> None:
        """Delete the objects of a definition; remove the definition once none is left."""
        definition = self._server.store.collection(COLLECTION).get(("", name))
        if definition is None:
            return
        left = 0
        for resource in self._server.registry.defined_by(name)[:1]:
            collection = self._server.store.collection(collection_name(resource))
            for (space, item_name), item in collection.select(None):
                route = Route("delete", resource, space or None, item_name)
                left += not self._server.deletion.delete(route, item, DeleteOptions())[1]
        if left:
            return
        kept = [one for one in definition["metadata"].get("finalizers", []) if one != DEFINITION_FINALIZER]
        if kept:
            self._write(name, {**definition, "metadata": {**definition["metadata"], "finalizers": kept}})
            return
        collection = self._server.store.collection(COLLECTION)
        self._server.store.remove(collection, ("", name), definition)
        self.removed(definition)

    def _write(self, name: str, definition: Object) -> None:
        stored = self._server.store.write(self._server.store.collection(COLLECTION), ("", name), definition)
        if _is_established(stored):
            self._server.registry.define(stored)


def _is_established(definition: Object) -> bool:
    conditions = definition.get("status", {}).get("conditions") or ()
    return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)


def _condition(kind: str, reason: str, message: str, now: str) -> Object:
    return {"type": kind, "status": "True", "lastTransitionTime": now, "reason": reason, "message": message}


def _soon(action: Callable[[], None]) -> None:
    """After the request that caused it was answered."""
    asyncio.get_running_loop().call_later(0.01, action)
