"""Telling people in several ways at once, none of which holds up the others, or whoever tells for long."""

import threading
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue

from windtunnel.clock import SystemClock
from windtunnel.model.errors import WindtunnelError

CLOCK = SystemClock()


def take(ways: Mapping[str, Callable[[], object]], *, limit_s: float) -> dict[str, str]:
    """Take every way; return why those failed that did, by their names.

    One that has not ended after *limit_s* seconds in all counts as failed: a server that sends a byte now and
    then outlasts every limit of its client. Its thread is a daemon, and keeps no process from ending.
    """
    ended: SimpleQueue[tuple[str, str]] = SimpleQueue()

    def go(name: str, way: Callable[[], object]) -> None:
        try:
            way()
        except WindtunnelError as error:
            ended.put((name, str(error)))
        except Exception as error:  # noqa: BLE001 - a way that breaks is one that failed
            ended.put((name, f"{name}: {type(error).__name__}: {error}"))
        else:
            ended.put((name, ""))

    for name, way in ways.items():
        threading.Thread(target=go, args=(name, way), name="telling", daemon=True).start()
    until = CLOCK.monotonic() + limit_s
    failed = {name: f"{name} did not answer within {limit_s:g} s" for name in ways}
    for _ in ways:
        try:
            name, why = ended.get(timeout=max(0.0, until - CLOCK.monotonic()))
        except Empty:
            break
        if why:
            failed[name] = why
        else:
            del failed[name]
    return failed
