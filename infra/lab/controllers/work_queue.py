"""Keys waiting to be reconciled: each at most once in the queue, and never twice at the same time."""

import asyncio
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

BUSY_SHARE = 8.0
"""A key rests this many times as long as its last reconcile took, so that large ones coalesce more events."""
LONGEST_REST_S = 1.0
SHORTEST_REST_S = 0.004


class WorkQueue(Generic[K]):
    """Asks for reconciles coalesce: a key added often while it waits, rests or runs comes up once more."""

    def __init__(self, *, retry_first_s: float = 0.005, retry_most_s: float = 30.0) -> None:
        self._ready: asyncio.Queue[K] = asyncio.Queue()
        self._queued: set[K] = set()
        self._held: set[K] = set()  # running or resting
        self._again: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}
        self._retry_first_s = retry_first_s
        self._retry_most_s = retry_most_s

    def add(self, key: K) -> None:
        """Ask for a reconcile, now."""
        if key in self._held:
            self._again.add(key)
        elif key not in self._queued:
            self._queued.add(key)
            self._ready.put_nowait(key)

    def add_after(self, key: K, seconds: float) -> None:
        """Ask for a reconcile later; of several such asks for a key the earliest counts."""
        if seconds <= 0:
            self.add(key)
            return
        loop = asyncio.get_running_loop()
        waiting = self._timers.get(key)
        if waiting is not None:
            if waiting.when() <= loop.time() + seconds:
                return
            waiting.cancel()
        self._timers[key] = loop.call_later(seconds, self._fire, key)

    def retry(self, key: K) -> float:
        """Ask again after a failure, later after each one in a row; the answer is the wait in seconds."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        wait = min(self._retry_first_s * 2.0 ** min(failures, 30), self._retry_most_s)
        self.add_after(key, wait)
        return wait

    def succeeded(self, key: K) -> None:
        """Forget past failures."""
        self._failures.pop(key, None)

    async def get(self) -> K:
        """The next key, to be handed back with done()."""
        key = await self._ready.get()
        self._queued.discard(key)
        self._held.add(key)
        return key

    def done(self, key: K, *, took_s: float = 0.0) -> None:
        """The reconcile of a key is over."""
        rest = min(took_s * BUSY_SHARE, LONGEST_REST_S)
        if rest < SHORTEST_REST_S:
            self._rested(key)
        else:
            asyncio.get_running_loop().call_later(rest, self._rested, key)

    def __len__(self) -> int:
        return len(self._queued)

    def _rested(self, key: K) -> None:
        self._held.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def _fire(self, key: K) -> None:
        self._timers.pop(key, None)
        self.add(key)
