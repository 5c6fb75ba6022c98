"""The node agent: one asyncio process that plays every node of a lab, with its pods and its proxy."""

import asyncio
import logging
import os
import shutil
import signal
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from infra.lab.client import HttpApi
from infra.lab.node import images, left_overs
from infra.lab.node.events import EventRecorder
from infra.lab.node.following import follow
from infra.lab.node.kubelet_api import KubeletApi
from infra.lab.node.nodes import LabNode, NodeReporter
from infra.lab.node.pod_keeper import PodKeeper
from infra.lab.node.spawner import Spawner
from infra.lab.node.workshop import Object, Timings, Workshop

LOG = logging.getLogger("lab.node")

PROXY_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class Settings:
    """What the agent is told on its command line.

    Attributes:
        folder: where pods keep logs and private files; emptied at start.
        proxy: whether to run the service proxy, in a process of its own.
    """

    server: str
    ca_file: Path
    token_file: Path
    octet: int
    nodes: int
    folder: Path
    proxy: bool
    timings: Timings


class Agent:
    """Everything the agent runs, started and stopped together."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._api = HttpApi(settings.server, settings.token_file.read_text().strip(), settings.ca_file)
        self._nodes = [LabNode(index, settings.octet) for index in range(settings.nodes)]
        self._spawner = Spawner((images.AGNHOST_MODULE, *images.SHOP_MODULES))
        self._events = EventRecorder(self._api)
        self._services: dict[str, Object] = {}
        self._workshop = Workshop(
            api=self._api,
            spawner=self._spawner,
            events=self._events,
            timings=settings.timings,
            services=self._services_of,
            folder=settings.folder / "pods",
        )
        self._keeper = PodKeeper(self._nodes, self._workshop)
        self._kubelet = KubeletApi(self._keeper, self._nodes)

    async def run(self) -> None:
        """Run until cancelled; afterwards no process of the lab's pods is left."""
        left_overs.kill(self._settings.folder)
        shutil.rmtree(self._workshop.folder, ignore_errors=True)
        self._workshop.folder.mkdir(parents=True)
        await self._spawner.open()
        try:
            async with self._api, self._keeper, asyncio.TaskGroup() as group:
                await self._kubelet.open()
                reporters = [
                    NodeReporter(node, api=self._api, heartbeat_s=self._settings.timings.heartbeat)
                    for node in self._nodes
                ]
                await asyncio.gather(*(reporter.register() for reporter in reporters))
                if self._settings.proxy:
                    group.create_task(self._keep_proxy())
                for node in self._nodes:
                    self._events.about_node(node.name, "Starting", "Starting kubelet.")
                group.create_task(self._events.run())
                group.create_task(self._keeper.run())
                for reporter in reporters:
                    group.create_task(reporter.run())
                group.create_task(self._follow_services())
                group.create_task(self._notice_loss())
        finally:
            await self._kubelet.close()
            await self._spawner.close()

    def _services_of(self, namespace: str) -> Iterable[Object]:
        return [item for item in self._services.values() if item["metadata"]["namespace"] == namespace]

    async def _follow_services(self) -> None:
        """Know the Services, for the service links in containers' environments."""
        async for kind, thing in follow(self._api, "/api/v1/services"):
            if kind == "LISTED":
                self._services = {item["metadata"]["uid"]: item for item in thing}
            elif kind == "DELETED":
                self._services.pop(thing["metadata"]["uid"], None)
            else:
                self._services[thing["metadata"]["uid"]] = thing

    async def _notice_loss(self) -> None:
        await self._spawner.lost.wait()
        message = "the zygote process ended, and every pod with it: the node agent stops"
        raise RuntimeError(message)

    async def _keep_proxy(self) -> None:
        """Run the service proxy beside this process, so that neither delays the other; again if it ends."""
        settings = self._settings
        command = ["-m", "infra.lab.node.proxy", "--server", settings.server, "--ca", str(settings.ca_file)]
        while True:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *command,
                "--token-file",
                str(settings.token_file),
                stdin=asyncio.subprocess.DEVNULL,
            )
            try:
                code = await process.wait()
            except asyncio.CancelledError:
                process.send_signal(signal.SIGTERM)
                await process.wait()
                raise
            LOG.error("the service proxy (pid %d) ended with %d; starting another", process.pid, code)
            await asyncio.sleep(PROXY_PAUSE_S)


async def serve(settings: Settings) -> None:
    """Run the agent until SIGTERM or SIGINT."""
    agent = asyncio.ensure_future(Agent(settings).run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, agent.cancel)
    LOG.info("node agent %d plays %d nodes of %s", os.getpid(), settings.nodes, settings.server)
    try:
        await agent
    except asyncio.CancelledError:
        LOG.info("node agent stopped")
