"""Objects in memory, with one version counter and a bounded history of changes per resource.

Objects are never changed in place: a write stores a new document. Readers may therefore keep what they got.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
Key = tuple[str, str]
"""Namespace ("" for cluster-wide objects) and name."""

FIRST_VERSION = 1000
"""Versions before this one count as compacted, as in a cluster that has lived for a while."""
HISTORY = 10_000
"""Changes kept per resource; a watch that asks for an older one gets 410 Expired."""


class ExpiredError(Exception):
    """The asked version is older than the history."""


@dataclass(frozen=True, slots=True)
class Change:
    """One write: the object after it, and before it (None where there was none)."""

    version: int
    key: Key
    after: Object | None
    before: Object | None
    final: Object | None = None
    """For a deletion: the last state, with the version of the deletion."""


class Collection:
    """All objects of one resource."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.spaces: dict[str, dict[str, Object]] = {}
        self.log: deque[Change] = deque()
        self.compacted = FIRST_VERSION
        self.version = FIRST_VERSION
        self._waiting: set[asyncio.Event] = set()

    def get(self, key: Key) -> Object | None:
        """The object at a key."""
        return self.spaces.get(key[0], {}).get(key[1])

    def select(self, namespace: str | None) -> list[tuple[Key, Object]]:
        """The objects of one namespace, or of all (None), in the order of their keys."""
        spaces = sorted(self.spaces) if namespace is None else [namespace] if namespace in self.spaces else []
        return [
            ((space, name), self.spaces[space][name])
            for space in spaces
            for name in sorted(self.spaces[space])
        ]

    def select_at(self, namespace: str | None, version: int) -> list[tuple[Key, Object]]:
        """As select, at an earlier version.

        Raises:
            ExpiredError: the history does not reach back so far.
        """
        if version < self.compacted:
            raise ExpiredError
        found = dict(self.select(namespace))
        for change in reversed(self.log):
            if change.version <= version:
                break
            if namespace is not None and change.key[0] != namespace:
                continue
            if change.before is None:
                found.pop(change.key, None)
            else:
                found[change.key] = change.before
        return sorted(found.items())

    def since(self, version: int) -> Iterator[Change]:
        """The changes after a version, oldest first."""
        position = len(self.log)
        while position and self.log[position - 1].version > version:
            position -= 1
        for index in range(position, len(self.log)):
            yield self.log[index]

    def record(self, change: Change) -> None:
        """Apply a change and wake whoever waits."""
        space = self.spaces.setdefault(change.key[0], {})
        if change.after is None:
            space.pop(change.key[1], None)
            if not space:
                del self.spaces[change.key[0]]
        else:
            space[change.key[1]] = change.after
        self.log.append(change)
        self.version = change.version
        if len(self.log) > HISTORY:
            self.compacted = self.log.popleft().version
        for event in self._waiting:
            event.set()

    def subscribe(self) -> asyncio.Event:
        """An event that is set by every change from now on."""
        event = asyncio.Event()
        self._waiting.add(event)
        return event

    def unsubscribe(self, event: asyncio.Event) -> None:
        """Stop setting an event."""
        self._waiting.discard(event)


class Store:
    """All collections, and the counter their versions come from."""

    def __init__(self) -> None:
        self.version = FIRST_VERSION
        self.collections: dict[str, Collection] = {}

    def collection(self, name: str) -> Collection:
        """The collection of a resource (``group/plural``), made when first asked for."""
        found = self.collections.get(name)
        if found is None:
            found = self.collections[name] = Collection(name)
        return found

    def write(self, collection: Collection, key: Key, document: Object) -> Object:
        """Store a document under a new version; the stored document carries it."""
        self.version += 1
        stored = self._versioned(document)
        collection.record(Change(self.version, key, stored, collection.get(key)))
        return stored

    def remove(self, collection: Collection, key: Key, last: Object | None = None) -> Object:
        """Remove an object; the answer is its last state with the version of the removal.

        Watchers hear of the state that was stored before, as they do from a real server; `last` is what the
        caller is told.
        """
        self.version += 1
        before = collection.get(key) or {}
        collection.record(Change(self.version, key, None, before, self._versioned(before)))
        return self._versioned(last or before)

    def _versioned(self, document: Object) -> Object:
        """A document that carries the current version."""
        return {
            **document,
            "metadata": {**document.get("metadata", {}), "resourceVersion": str(self.version)},
        }
