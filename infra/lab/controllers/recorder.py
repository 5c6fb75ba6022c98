"""Events: what `kubectl describe` shows, with repeats counted instead of listed again."""

import itertools
import logging
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime

from infra.lab.client import Api, ApiError, Object
from infra.lab.controllers.moments import as_micro_time, as_time

_log = logging.getLogger(__name__)
_REMEMBERED = 4096


class EventRecorder:
    """Writes events; a write that fails is logged and never disturbs its caller."""

    def __init__(self, api: Api, now: Callable[[], datetime]) -> None:
        self._api = api
        self._now = now
        self._serial = itertools.count(int(now().timestamp() * 1e9))
        self._seen: OrderedDict[tuple[str, ...], tuple[str, int]] = OrderedDict()

    async def tell(
        self, about: Object, reason: str, message: str, *, component: str, warning: bool = False
    ) -> None:
        """An event in the core form; the same one again raises the count of the first."""
        kind = "Warning" if warning else "Normal"
        key = (about["metadata"].get("uid", about["metadata"]["name"]), kind, reason, message, component)
        stamp = as_time(self._now())
        name, count = self._seen.get(key, ("", 0))
        path = _collection(about)
        if name and await self._counted(f"{path}/{name}", count + 1, stamp):
            self._remember(key, name, count + 1)
            return
        name = self._name(about)
        body: Object = {
            **self._head(about, name, reason, message, kind),
            "source": {"component": component},
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "count": 1,
            "reportingComponent": component,
            "reportingInstance": "",
        }
        if await self._posted(path, body):
            self._remember(key, name, 1)

    async def tell_action(
        self, about: Object, reason: str, message: str, *, component: str, action: str, warning: bool = False
    ) -> None:
        """An event in the newer form, as the scheduler writes it: an action and an exact time, no count."""
        kind = "Warning" if warning else "Normal"
        body: Object = {
            **self._head(about, self._name(about), reason, message, kind),
            "source": {},
            "firstTimestamp": None,
            "lastTimestamp": None,
            "eventTime": as_micro_time(self._now()),
            "action": action,
            "reportingComponent": component,
            "reportingInstance": f"{component}-lab",
        }
        await self._posted(_collection(about), body)

    def _name(self, about: Object) -> str:
        return f"{about['metadata']['name']}.{next(self._serial):x}"

    @staticmethod
    def _head(about: Object, name: str, reason: str, message: str, kind: str) -> Object:
        metadata = about["metadata"]
        involved = {
            "kind": about["kind"],
            "namespace": metadata.get("namespace"),
            "name": metadata["name"],
            "uid": metadata.get("uid"),
            "apiVersion": about["apiVersion"],
            "resourceVersion": metadata.get("resourceVersion"),
        }
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": metadata.get("namespace", "default")},
            "involvedObject": {field: value for field, value in involved.items() if value is not None},
            "reason": reason,
            "message": message[:1024],
            "type": kind,
        }

    async def _counted(self, path: str, count: int, stamp: str) -> bool:
        try:
            await self._api.patch(path, {"count": count, "lastTimestamp": stamp})
        except (ApiError, OSError) as error:
            _log.debug("cannot count event %s again: %s", path, error)
            return False
        return True

    async def _posted(self, path: str, body: Object) -> bool:
        try:
            await self._api.post(path, body)
        except (ApiError, OSError) as error:
            _log.debug(
                "cannot write event %s: %s", body["reason"], error
            )  # a namespace on its way out, mostly
            return False
        return True

    def _remember(self, key: tuple[str, ...], name: str, count: int) -> None:
        self._seen[key] = (name, count)
        self._seen.move_to_end(key)
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)


def _collection(about: Object) -> str:
    return f"/api/v1/namespaces/{about['metadata'].get('namespace', 'default')}/events"
