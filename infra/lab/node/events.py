"""Kubernetes events about pods and nodes, sent in the background, repeated ones counted."""

import asyncio
import logging
import time
from collections import OrderedDict
from typing import Any

from infra.lab.client import Api, ApiError
from infra.lab.node import moments
from infra.lab.node.following import CONNECTION_ERRORS

Object = dict[str, Any]

LOG = logging.getLogger("lab.node.events")

QUEUE_LIMIT = 1000
REMEMBERED = 500


class EventRecorder:
    """Writes core/v1 events as a kubelet does. Losing one is logged and never stops the agent."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._queue: asyncio.Queue[Object] = asyncio.Queue(QUEUE_LIMIT)
        self._known: OrderedDict[tuple[str, ...], tuple[str, int]] = OrderedDict()

    def about_pod(
        self, pod: Object, reason: str, message: str, *, warning: bool = False, field: str = ""
    ) -> None:
        """Record an event about a pod, or about a part of it named by a field path."""
        meta = pod["metadata"]
        regarding = {
            "kind": "Pod",
            "namespace": meta["namespace"],
            "name": meta["name"],
            "uid": meta["uid"],
            "apiVersion": "v1",
            "resourceVersion": meta.get("resourceVersion", ""),
        }
        if field:
            regarding["fieldPath"] = field
        self._record(regarding, reason, message, warning=warning, host=pod["spec"]["nodeName"])

    def about_node(self, name: str, reason: str, message: str) -> None:
        """Record an event about a node."""
        regarding = {"kind": "Node", "name": name, "uid": name, "apiVersion": "v1"}
        self._record(regarding, reason, message, warning=False, host=name)

    def _record(self, regarding: Object, reason: str, message: str, *, warning: bool, host: str) -> None:
        now = moments.timestamp()
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                # As a real kubelet names them: lists, which go by name, keep the order of events.
                "name": f"{regarding['name']}.{time.time_ns():x}",
                "namespace": regarding.get("namespace", "default"),
            },
            "involvedObject": regarding,
            "reason": reason,
            "message": message,
            "source": {"component": "kubelet", "host": host},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": "Warning" if warning else "Normal",
            "eventTime": None,
            "reportingComponent": "kubelet",
            "reportingInstance": host,
        }
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            LOG.warning("too many events waiting; lost %s about %s: %s", reason, regarding["name"], message)

    async def run(self) -> None:
        """Send for ever."""
        while True:
            event = await self._queue.get()
            try:
                await self._send(event)
            except (ApiError, *CONNECTION_ERRORS) as error:
                # Also the usual end of a namespace that is being deleted.
                LOG.debug("event %s not recorded: %s", event["reason"], error)

    async def _send(self, event: Object) -> None:
        regarding = event["involvedObject"]
        key = (regarding["uid"], regarding.get("fieldPath", ""), event["reason"], event["message"])
        collection = f"/api/v1/namespaces/{event['metadata']['namespace']}/events"
        if key in self._known:
            name, count = self._known[key]
            self._remember(key, name, count + 1)
            change = {"count": count + 1, "lastTimestamp": event["lastTimestamp"]}
            await self._api.patch(f"{collection}/{name}", change)
            return
        await self._api.post(collection, event)
        self._remember(key, event["metadata"]["name"], 1)

    def _remember(self, key: tuple[str, ...], name: str, count: int) -> None:
        self._known[key] = (name, count)
        self._known.move_to_end(key)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
