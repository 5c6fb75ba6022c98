"""Runs controllers: workers that take keys from queues, and what happens when a reconcile fails."""

import asyncio
import logging
import time
from typing import Any, Protocol

from infra.lab.client import ApiError
from infra.lab.controllers.work_queue import WorkQueue

_log = logging.getLogger(__name__)
_RACES = frozenset({404, 409})
"""Somebody was faster; the next look shows what they did."""


class Controller(Protocol):
    """Brings one kind of object from what is to what should be, key by key."""

    name: str

    @property
    def queue(self) -> WorkQueue[Any]:
        """The keys that wait."""
        ...

    async def reconcile(self, key: Any) -> None:
        """Look at one object and do what it needs."""
        ...


async def work(controller: Controller) -> None:
    """Reconcile key after key until cancelled; a failed one is tried again, later each time."""
    queue = controller.queue
    while True:
        key = await queue.get()
        started = time.thread_time()
        try:
            await controller.reconcile(key)
        except ApiError as error:
            wait = queue.retry(key)
            level = logging.DEBUG if error.status in _RACES else logging.WARNING
            _log.log(level, "%s: %s failed, again in %.3f s: %s", controller.name, key, wait, error)
        except Exception:  # noqa: BLE001 - a bug about one object must not stop the work on all others
            wait = queue.retry(key)
            _log.exception("%s: %s failed, again in %.3f s", controller.name, key, wait)
        else:
            queue.succeeded(key)
        finally:
            queue.done(key, took_s=time.thread_time() - started)
        await asyncio.sleep(0)
