"""Keeps one pod's status on the API server equal to what the node knows."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from infra.lab.client import Api, ApiError
from infra.lab.node.following import CONNECTION_ERRORS

Object = dict[str, Any]

LOG = logging.getLogger("lab.node.status")

RETRY_S = 0.3


class StatusPublisher:
    """Writes a pod's status when it changed; several changes at once become one write.

    Attributes:
        pod: the pod as last seen.
        gone: the pod, with this uid, is no longer on the API server.
    """

    def __init__(self, pod: Object, *, api: Api, build: Callable[[Object], Object]) -> None:
        self.pod = pod
        self.gone = False
        self._api = api
        self._build = build
        self._dirty = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._sent: Object = {}
        self._answered: Object = {}

    def seen(self, pod: Object) -> None:
        """Take a newer version of the pod, such as a condition somebody else wrote."""
        if _version(pod) > _version(self.pod):
            self.pod = pod
            self._dirty.set()

    def changed(self) -> None:
        """Something the status is built from changed."""
        self._dirty.set()

    async def run(self) -> None:
        """Publish changes until cancelled."""
        while not self.gone:
            await self._dirty.wait()
            await self.flush()

    async def flush(self) -> None:
        """Publish now; returns once the API server has it, or the pod is gone."""
        async with self._one_at_a_time:
            self._dirty.clear()
            while not self.gone:
                if await self._written():
                    return

    async def _written(self) -> bool:
        """One attempt; False when it has to be tried again."""
        pod, wanted = self.pod, self._build(self.pod)
        if wanted == pod.get("status") or (wanted == self._sent and pod.get("status") == self._answered):
            return True
        meta = pod["metadata"]
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
        try:
            answer = await self._api.put(
                f"{path}/status", {"apiVersion": "v1", "kind": "Pod", **pod, "status": wanted}
            )
        except ApiError as error:
            return await self._after_refusal(error, path)
        except CONNECTION_ERRORS as error:
            LOG.info("API server does not take the status of %s: %r", meta["name"], error)
            await asyncio.sleep(RETRY_S)
            return False
        self._sent, self._answered = wanted, answer.get("status", {})
        if _version(answer) > _version(self.pod):
            self.pod = answer
        return True

    async def _after_refusal(self, error: ApiError, path: str) -> bool:
        """A conflict means a newer version; anything but that is not mended by asking again."""
        if error.status == 404:
            self.gone = True
            return True
        if error.status != 409:
            LOG.error("API server refuses the status of %s: %s", path, error)
            return True
        try:
            found = await self._api.get(path)
        except ApiError as second:
            self.gone = second.status == 404
            return False
        except CONNECTION_ERRORS:
            await asyncio.sleep(RETRY_S)
            return False
        if found["metadata"]["uid"] != self.pod["metadata"]["uid"]:
            self.gone = True
        elif _version(found) > _version(self.pod):
            self.pod = found
        return False


def _version(pod: Object) -> int:
    return int(pod["metadata"]["resourceVersion"])
