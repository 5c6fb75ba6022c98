"""A watch that outlives expired versions, disconnects and restarts of the API server."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from windtunnel.clients.connection import Connection, Request
from windtunnel.model.errors import ClusterError, NotFoundError, RefusedError, UnreachableError

Object = dict[str, Any]
Page = Mapping[str, Any]
Snapshot = Callable[[], Iterator[Page]]
_SERVER_CLOSES_AFTER_S = 30  # bounds how long a connection that died in silence goes unnoticed
_LONGEST_PAUSE_S = 2.0
_STOP_WITHIN_S = 0.1
_LONGEST_LINE = 16 * 1024 * 1024


class _ExpiredError(Exception):
    """The version to go on from is too old; the state has to be listed anew."""


@dataclass(slots=True)
class Watch:
    """One watched collection. *known* holds the metadata of what is there, to tell what changed unseen."""

    connection: Connection
    request: Request
    stop: threading.Event
    known: dict[str, Object] = field(default_factory=dict)
    version: str = ""

    def events(self, snapshot: Snapshot) -> Iterator[tuple[str, Object]]:
        """Yield the state as ADDED, then the changes, until *stop* is set."""
        yield from self._differences(snapshot())
        failures = 0
        while not self.stop.is_set():
            try:
                if not self.version:
                    yield from self._differences(snapshot())
                for event in self._stream():
                    failures = 0
                    yield event
            except _ExpiredError:
                self.version = ""
            except (NotFoundError, RefusedError):
                if not self.stop.is_set():
                    raise
            except ClusterError:
                failures += 1
                self.stop.wait(min(_LONGEST_PAUSE_S, 0.1 * 2.0 ** min(failures, 8)))

    def _differences(self, pages: Iterator[Page]) -> Iterator[tuple[str, Object]]:
        """Compare what is there with what is known; a list that breaks off leaves known what it showed."""
        there: set[str] = set()
        version = ""
        for page in pages:
            version = str(page["metadata"]["resourceVersion"])
            for item in page.get("items") or ():
                uid = _uid(item)
                there.add(uid)
                was, self.known[uid] = self.known.get(uid), _stub(item)
                if was is None:
                    yield "ADDED", item
                elif was != self.known[uid]:
                    yield "MODIFIED", item
        for uid in sorted(self.known.keys() - there):
            yield "DELETED", self.known.pop(uid)
        self.version = version

    def _stream(self) -> Iterator[tuple[str, Object]]:
        query = {
            **(self.request.query or {}),
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self.version,
            "timeoutSeconds": str(_SERVER_CLOSES_AFTER_S),
        }
        request = replace(self.request, query=query)
        with (
            self.connection.open(request, read_s=_SERVER_CLOSES_AFTER_S + 10) as response,
            _closed_on(self.stop, response),
        ):
            for line in _lines(response, request.doing, self.stop):
                event = json.loads(line)
                yield from self._take(str(event.get("type")), event.get("object") or {})

    def _take(self, kind: str, item: Object) -> Iterator[tuple[str, Object]]:
        if kind == "ERROR":
            if item.get("code") in {410, 504}:
                raise _ExpiredError
            msg = f"{self.request.doing}: {item.get('message', 'the server ended the watch')}"
            raise ClusterError(msg, status=int(item.get("code") or 0))
        metadata = item.get("metadata") or {}
        self.version = str(metadata.get("resourceVersion") or self.version)
        if kind == "BOOKMARK":
            return
        uid = _uid(item)
        if kind == "DELETED":
            self.known.pop(uid, None)
        else:
            self.known[uid] = _stub(item)
        yield kind, item


def _uid(item: Object) -> str:
    metadata = item["metadata"]
    return str(metadata.get("uid") or metadata.get("name"))


def _stub(item: Object) -> Object:
    metadata = item["metadata"]
    kept = {key: metadata.get(key) for key in ("name", "namespace", "uid", "resourceVersion")}
    return {"metadata": kept}


def _lines(response: Any, doing: str, stop: threading.Event) -> Iterator[bytes]:
    from urllib3.exceptions import HTTPError

    rest = b""
    try:
        for piece in response.stream(64 * 1024, decode_content=True):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if stop.is_set():
                    return
                if line.strip():
                    yield line
            if len(rest) > _LONGEST_LINE:
                msg = f"{doing}: one event is longer than {_LONGEST_LINE} bytes"
                raise ClusterError(msg)
    except (HTTPError, OSError, ValueError) as error:
        if not stop.is_set():
            msg = f"{doing}: the connection broke ({error})"
            raise UnreachableError(msg) from error


@contextmanager
def _closed_on(stop: threading.Event, response: Any) -> Iterator[None]:
    """Shut the connection down from outside when *stop* is set, because a blocked read cannot look at it."""
    done = threading.Event()

    def wait() -> None:
        while not done.wait(_STOP_WITHIN_S):
            if stop.is_set():
                _shut_down(response)
                return

    threading.Thread(target=wait, name="watch-stop", daemon=True).start()
    try:
        yield
    finally:
        done.set()


def _shut_down(response: Any) -> None:
    try:
        response.shutdown()
    except (OSError, ValueError, RuntimeError):
        return  # it ended by itself in this very moment, which is what was wanted
