"""What a controller knows: the objects of one resource, indexed, and kept current by a watch."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Hashable, Iterable, Iterator

from infra.lab.client import Api, ApiError, Object
from infra.lab.objects.resource import Resource

Key = tuple[str, str]
"""Namespace ("" for cluster-wide objects) and name."""
Listener = Callable[[Object | None, Object | None], None]
"""Told of every change: the object before and after it, None where there was or is none."""
IndexOf = Callable[[Object], Iterable[Hashable]]

_log = logging.getLogger(__name__)
_RECONNECT_S = 0.5
_EXPIRED = 410


def key_of(item: Object) -> Key:
    """The key of an object."""
    metadata = item["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


class _Index:
    def __init__(self, values_of: IndexOf) -> None:
        self.values_of = values_of
        self.buckets: dict[Hashable, dict[Key, Object]] = {}

    def replace(self, key: Key, old: Object | None, new: Object | None) -> None:
        before = set(self.values_of(old)) if old is not None else set()
        after = set(self.values_of(new)) if new is not None else set()
        for value in before - after:
            bucket = self.buckets[value]
            bucket.pop(key, None)
            if not bucket:
                del self.buckets[value]
        for value in after:
            self.buckets.setdefault(value, {})[key] = new  # type: ignore[assignment] # after is empty without new


class Cache:
    """The known state of one resource. Objects in it are read-only."""

    def __init__(self, resource: Resource, indexes: dict[str, IndexOf] | None = None) -> None:
        self.resource = resource
        self.synced = asyncio.Event()
        self._objects: dict[Key, Object] = {}
        self._indexes = {name: _Index(values_of) for name, values_of in (indexes or {}).items()}
        self._indexes["namespace"] = _Index(lambda item: (item["metadata"].get("namespace", ""),))
        self._listeners: list[Listener] = []
        self._gone: set[str] = set()

    def listen(self, listener: Listener) -> None:
        """Call a function for every change from now on."""
        self._listeners.append(listener)

    def get(self, namespace: str, name: str) -> Object | None:
        """One object."""
        return self._objects.get((namespace, name))

    def items(self, namespace: str | None = None) -> list[Object]:
        """All objects, or those of one namespace."""
        return list(self._objects.values()) if namespace is None else self.by("namespace", namespace)

    def by(self, index: str, value: Hashable) -> list[Object]:
        """The objects that an index lists under a value."""
        return list(self._indexes[index].buckets.get(value, {}).values())

    def count(self, index: str, value: Hashable) -> int:
        """How many objects an index lists under a value."""
        return len(self._indexes[index].buckets.get(value, ()))

    def __iter__(self) -> Iterator[Object]:
        return iter(list(self._objects.values()))

    def __len__(self) -> int:
        return len(self._objects)

    def observe(self, item: Object) -> None:
        """Take note of an object's state, unless a later one is known."""
        metadata = item["metadata"]
        if metadata["uid"] in self._gone:
            return
        key = key_of(item)
        old = self._objects.get(key)
        if old is not None and _version(old) >= _version(item):
            return
        if "kind" not in item:
            item = {"kind": self.resource.kind, "apiVersion": self.resource.group_version, **item}
        if old is not None and old["metadata"]["uid"] != metadata["uid"]:
            self._replace(key, old, None)  # deleted and made anew between two looks
            old = None
        self._replace(key, old, item)

    def remove(self, item: Object, *, confirmed: bool = False) -> None:
        """Take note that an object is gone; confirmed when the watch said so itself."""
        uid, key = item["metadata"]["uid"], key_of(item)
        if confirmed:
            self._gone.discard(uid)
        else:
            self._gone.add(uid)
        old = self._objects.get(key)
        if old is not None and old["metadata"]["uid"] == uid:
            self._replace(key, old, None)

    def replace_all(self, items: Iterable[Object]) -> None:
        """Take note of a complete list."""
        self._gone.clear()
        current = {key_of(item): item for item in items}
        for key in [key for key in self._objects if key not in current]:
            self._replace(key, self._objects[key], None)
        for item in current.values():
            self.observe(item)

    def _replace(self, key: Key, old: Object | None, new: Object | None) -> None:
        if new is None:
            self._objects.pop(key, None)
        else:
            self._objects[key] = new
        for index in self._indexes.values():
            index.replace(key, old, new)
        for listener in self._listeners:
            try:
                listener(old, new)
            except Exception:  # noqa: BLE001 - one listener's bug must not make the others blind
                _log.exception("a listener to %s failed on %s", self.resource.plural, key)


def _version(item: Object) -> int:
    text = item["metadata"].get("resourceVersion", "")
    return int(text) if text.isdigit() else 0


async def follow(api: Api, cache: Cache) -> None:
    """Keep a cache current until cancelled: list, then watch; list again where the watch cannot go on."""
    path = cache.resource.api_path()
    while True:
        try:
            found = await api.get(path)
            cache.replace_all(found.get("items") or ())
            cache.synced.set()
            await _watch(api, cache, path, found["metadata"]["resourceVersion"])
        except ApiError as error:
            if error.status == 404 and cache.resource.custom:
                cache.replace_all(())  # its definition is not established yet, or about to be forgotten
                cache.synced.set()
                await asyncio.sleep(_RECONNECT_S)
            elif error.status != _EXPIRED:
                _log.warning("cannot follow %s: %s", path, error)
                await asyncio.sleep(_RECONNECT_S)
        except Exception as error:  # noqa: BLE001 - however a connection breaks, the cache has to go on
            _log.warning("lost the watch on %s, will list again: %r", path, error)
            await asyncio.sleep(_RECONNECT_S)


async def _watch(api: Api, cache: Cache, path: str, version: str) -> None:
    """Follow a collection through any number of streams; ends with the error of the one that failed."""
    while True:
        quick = True
        stream = api.watch(path, resource_version=version, allowWatchBookmarks="true")
        async with contextlib.aclosing(stream) as events:  # type: ignore[type-var] # both Apis are generators
            async for event, item in events:
                quick = False
                version = item["metadata"]["resourceVersion"]
                if event == "DELETED":
                    cache.remove(item, confirmed=True)
                elif event != "BOOKMARK":
                    cache.observe(item)
        if quick:
            await asyncio.sleep(
                _RECONNECT_S
            )  # a server that ends every stream at once is not asked in a tight loop
