"""A watch in the background, as the product holds it during a run."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.cluster.workspace import eventually
from windtunnel.clients.cluster import Cluster
from windtunnel.clients.kinds import Resource

Object = dict[str, Any]


@dataclass(slots=True)
class Seen:
    """What a watch has shown so far, and the error that ended it."""

    events: list[tuple[str, Object]] = field(default_factory=list)
    failure: Exception | None = None

    @property
    def names(self) -> list[tuple[str, str]]:
        """What was seen as (type, name)."""
        return [(kind, item["metadata"]["name"]) for kind, item in list(self.events)]

    def wait_for(self, kind: str, name: str) -> None:
        """Wait until an event of that type was seen about the object of that name, or the watch fails."""
        eventually(lambda: (kind, name) in self.names or self.failure)
        if self.failure:
            raise self.failure

    def take(self, events: Iterator[tuple[str, Object]]) -> None:
        """Take events until they end."""
        try:
            for event in events:
                self.events.append(event)
        except Exception as error:  # noqa: BLE001 - raised again where the test waits
            self.failure = error


class Listening(Cluster):
    """Tells which of its watches have shown what is there, because `watch_target` does not wait for them."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster._connection)
        self.listed: set[str | Resource] = set()

    def watch(
        self, kind: str | Resource, namespace: str = "", **selected: Any
    ) -> Iterator[tuple[str, Object]]:
        """Yield what the cluster yields."""
        for event in super().watch(kind, namespace, **selected):
            self.listed.add(kind)
            yield event


@contextmanager
def watching(cluster: Cluster, kind: str, namespace: str, **selected: Any) -> Iterator[Seen]:
    """Watch until the block ends; the watch must then end too, and without an error."""
    stop = threading.Event()
    with collecting(cluster.watch(kind, namespace, stop=stop, **selected), stop) as seen:
        yield seen


@contextmanager
def collecting(events: Iterator[tuple[str, Object]], stop: threading.Event) -> Iterator[Seen]:
    """Take *events* in the background until the block ends, and then set *stop*."""
    seen = Seen()
    thread = threading.Thread(target=seen.take, args=(events,), daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join(timeout=30)
    if thread.is_alive():
        msg = "the watch goes on though it was stopped"
        raise AssertionError(msg)
    if seen.failure:
        raise seen.failure
