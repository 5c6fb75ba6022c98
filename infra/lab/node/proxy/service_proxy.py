"""Follows Services and EndpointSlices and keeps a listener for every port."""

import asyncio
import logging
import random
from collections.abc import Mapping

from infra.lab.client import Api
from infra.lab.node.following import follow
from infra.lab.node.proxy.listener import Listener
from infra.lab.node.proxy.routes import Address, Object, routes, service_key
from infra.lab.node.proxy.weather import CALM, FAULT_ANNOTATION, FaultError, ProxyFault, Weather, parse_fault

LOG = logging.getLogger("lab.proxy")

RETRY_S = 1.0
SERVICES = "/api/v1/services"
SLICES = "/apis/discovery.k8s.io/v1/endpointslices"


class ServiceProxy:
    """The proxy of a whole lab.

    Attributes:
        faults: by ``namespace/name``; a Service's own annotation wins over an entry here.
    """

    def __init__(self, api: Api, *, faults: Mapping[str, ProxyFault] | None = None, seed: int = 0) -> None:
        self.faults = dict(faults or {})
        self._api = api
        self._chance = random.Random(seed)  # noqa: S311 - jitter, not a secret
        self._objects: dict[str, dict[str, Object]] = {SERVICES: {}, SLICES: {}}
        self._weather: dict[str, Weather] = {}
        self._listeners: dict[Address, Listener] = {}
        self._dirty = asyncio.Event()

    async def run(self) -> None:
        """Follow for ever; stops listening when cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follow(SERVICES))
                group.create_task(self._follow(SLICES))
                group.create_task(self._settle())
        finally:
            for listener in self._listeners.values():
                listener.close()

    async def _follow(self, path: str) -> None:
        known = self._objects[path]
        async for kind, thing in follow(self._api, path):
            if kind == "LISTED":
                known.clear()
                known.update({item["metadata"]["uid"]: item for item in thing})
            elif kind == "DELETED":
                known.pop(thing["metadata"]["uid"], None)
            else:
                known[thing["metadata"]["uid"]] = thing
            self.refresh()

    def refresh(self) -> None:
        """Let the newest objects and faults count from now on."""
        services = self._objects[SERVICES].values()
        for service in services:
            key = service_key(service)
            self._weather_of(key).change(self._fault(service))
        found = routes(services, self._objects[SLICES].values())
        for address in [address for address in self._listeners if address not in found]:
            self._listeners.pop(address).close()
        for address, route in found.items():
            if address not in self._listeners:
                self._listeners[address] = Listener(address, self._weather_of(route.service))
            self._listeners[address].route(route)
        self._dirty.set()

    async def _settle(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            settled = [await listener.settle() for listener in tuple(self._listeners.values())]
            if not all(settled):
                # The proxy of an agent that died may hold the address a moment longer.
                asyncio.get_running_loop().call_later(RETRY_S, self._dirty.set)

    def _weather_of(self, service: str) -> Weather:
        if service not in self._weather:
            self._weather[service] = Weather(self._chance)
        return self._weather[service]

    def _fault(self, service: Object) -> ProxyFault:
        text = service["metadata"].get("annotations", {}).get(FAULT_ANNOTATION)
        if text is None:
            return self.faults.get(service_key(service), CALM)
        try:
            return parse_fault(text)
        except FaultError as error:
            LOG.warning("Service %s: %s; it is left without a fault", service_key(service), error)
            return CALM
