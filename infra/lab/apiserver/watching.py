"""Watches: what happened since a version, and what happens from now on."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.lab.apiserver import presentation
from infra.lab.apiserver.request import Request, Route, Stream
from infra.lab.apiserver.selection import Selection
from infra.lab.apiserver.store import Change, Collection
from infra.lab.objects import statuses
from infra.lab.objects.statuses import Cause, StatusError

if TYPE_CHECKING:
    from infra.lab.apiserver.server import ApiServer

Object = dict[str, Any]
Event = tuple[str, Object]

_TRUE = frozenset({"1", "true", "True"})
BOOKMARK_EVERY_S = 30.0
"""A watcher that asked for bookmarks hears at least this often that nothing of its interest happened."""
DEFAULT_LIFETIME_S = 1800.0
"""A watch that names no timeoutSeconds ends after this time, as on a real server (there 30 to 60 minutes)."""


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """What the query of a watch asks for."""

    version: str
    bookmarks: bool
    initial_events: bool | None
    lifetime_s: float

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "WatchOptions":
        """Read the query; refuse combinations the API forbids."""
        initial = query.get("sendInitialEvents")
        if initial is not None and query.get("resourceVersionMatch") != "NotOlderThan":
            words = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            cause = Cause("FieldValueForbidden", words, "resourceVersionMatch")
            raise StatusError(statuses.invalid_options("ListOptions", [cause]))
        lifetime = query.get("timeoutSeconds", "")
        return cls(
            query.get("resourceVersion", ""),
            query.get("allowWatchBookmarks", "") in _TRUE,
            None if initial is None else initial in _TRUE,
            float(lifetime) if lifetime.isdigit() and int(lifetime) else DEFAULT_LIFETIME_S,
        )


def watch(server: "ApiServer", request: Request, route: Route) -> Stream:
    """Open a watch on a collection."""
    query = request.query
    if route.name:
        query = {**query, "fieldSelector": f"metadata.name={route.name}"}
    options = WatchOptions.of(query)
    selection = Selection.of(route.resource, query)
    if options.version and not options.version.isdigit():
        parsed = f'strconv.ParseUint: parsing "{options.version}": invalid syntax'
        raise StatusError(
            statuses.unexplained(f'resourceVersion: Invalid value: "{options.version}": {parsed}')
        )
    watcher = _Watcher(server, route, options, selection)
    return Stream(events=watcher.events(), resource=route.resource)


class _Watcher:
    """One open watch and the version it has told its client about."""

    def __init__(
        self, server: "ApiServer", route: Route, options: WatchOptions, selection: Selection
    ) -> None:
        self._server = server
        self._route = route
        self._options = options
        self._selection = selection
        self._collection: Collection = server.store.collection(route.collection)
        self._told = 0

    async def events(self) -> AsyncIterator[Event]:
        """The stream: what exists or happened first, then what happens, until the lifetime ends."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._options.lifetime_s
        wake = self._collection.subscribe()
        try:
            version = int(self._options.version or "0")
            if version and version < self._collection.compacted and not self._options.initial_events:
                message = f"too old resource version: {version} ({self._collection.compacted})"
                yield "ERROR", statuses.expired(message)
                return
            if not version or self._options.initial_events:
                position = self._server.store.version
                for event in self._initial():
                    yield event
            else:
                position = version
            self._told = position
            async for event in self._follow(wake, position, deadline):
                yield event
        finally:
            self._collection.unsubscribe(wake)

    def _initial(self) -> list[Event]:
        events = [
            ("ADDED", presentation.shown(self._route.resource, item))
            for _, item in self._collection.select(self._route.namespace)
            if self._selection.matches(item)
        ]
        if self._options.initial_events and self._options.bookmarks:
            end = {"k8s.io/initial-events-end": "true"}
            events.append(("BOOKMARK", self._bookmark(self._server.store.version, annotations=end)))
        return events

    async def _follow(self, wake: asyncio.Event, position: int, deadline: float) -> AsyncIterator[Event]:
        loop = asyncio.get_running_loop()
        next_bookmark = loop.time() + BOOKMARK_EVERY_S
        while True:
            wake.clear()
            if position < self._collection.compacted and self._collection.log:
                yield (
                    "ERROR",
                    statuses.expired(f"too old resource version: {position} ({self._collection.compacted})"),
                )
                return
            for change in list(self._collection.since(position)):
                position = change.version
                event = self._event(change)
                if event is not None:
                    self._told = position
                    yield event
            now = loop.time()
            if (
                self._options.bookmarks
                and (now >= next_bookmark or now >= deadline - 1)
                and position > self._told
            ):
                self._told = position
                yield "BOOKMARK", self._bookmark(position)
            if now >= deadline:
                return
            if now >= next_bookmark:
                next_bookmark = now + BOOKMARK_EVERY_S
            await self._wait(wake, min(deadline, next_bookmark) - now)

    @staticmethod
    async def _wait(wake: asyncio.Event, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(seconds, 0.001)):
                await wake.wait()
        except TimeoutError:
            return  # time for a bookmark, or for the end

    def _event(self, change: Change) -> Event | None:
        """The event a change is for this watch; None where it is none of its business."""
        if self._route.namespace is not None and change.key[0] != self._route.namespace:
            return None
        was = change.before is not None and self._selection.matches(change.before)
        now_matches = change.after is not None and self._selection.matches(change.after)
        resource = self._route.resource
        if change.after is not None and now_matches:
            return ("MODIFIED" if was else "ADDED"), presentation.shown(resource, change.after)
        if not was or change.before is None:
            return None
        if change.final is not None:
            return "DELETED", presentation.shown(resource, change.final)
        before = change.before
        left = {**before, "metadata": {**before["metadata"], "resourceVersion": str(change.version)}}
        return "DELETED", presentation.shown(resource, left)

    def _bookmark(self, version: int, *, annotations: Object | None = None) -> Object:
        metadata: Object = {"resourceVersion": str(version)}
        if annotations:
            metadata["annotations"] = annotations
        resource = self._route.resource
        return {"kind": resource.kind, "apiVersion": resource.group_version, "metadata": metadata}
