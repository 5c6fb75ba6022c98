"""One running lab: API server and controllers in this loop, everything else as child processes."""

import asyncio
import os
import secrets
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.lab import kubeconfig, shop_deployment
from infra.lab.addresses import API_PORT, LOAD_PORT, PROMETHEUS_PORT, RECORDER_PORT, Network
from infra.lab.announcer import Announcer
from infra.lab.apiserver import clock
from infra.lab.apiserver.certificates import Certificates, make_certificates
from infra.lab.client import InProcessApi
from infra.lab.shop.http_client import Upstream
from infra.lab.shop.http_server import BadRequestError
from infra.lab.state import LabError, LabFolder, tail
from infra.lab.supervisor import Child, Supervisor

if TYPE_CHECKING:
    from infra.lab.apiserver.server import ApiServer

STOP_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to start; *prometheus* is the path of a real one, empty for the embedded engine."""

    replicas: int
    nodes: int
    rate: float
    prometheus: str
    ready_within_s: float


class Lab:
    """One running lab."""

    def __init__(self, folder: LabFolder, network: Network, plan: Plan) -> None:
        self._folder = folder
        self._network = network
        self._plan = plan
        self._children = Supervisor()

    async def run(self, announce: Announcer) -> None:
        """Start everything, announce it, and keep it until cancelled.

        Raises:
            LabError: a part did not come up in time, or the API server or the controllers failed.
        """
        core: list[asyncio.Future[None]] = []
        try:
            token = secrets.token_urlsafe(32)
            files = self._credentials(token)
            await self._start_children()  # they load while the API server does, and wait for it
            server, listening = self._api_server(files, token), asyncio.Event()
            core += [_serve(server, listening), _controllers(server)]
            await _unless_one_ends(listening.wait(), core)
            lost = asyncio.ensure_future(self._children.loss())  # later losses are made good and logged
            await _unless_one_ends(self._bring_up(InProcessApi(server)), [*core, lost])
            lost.cancel()
            description = self.description()
            self._folder.write(description)
            announce.ready(description)
            await _unless_one_ends(asyncio.Event().wait(), core)
        finally:
            self._folder.description.unlink(missing_ok=True)
            await self._children.stop(within_s=STOP_SECONDS)
            for task in core:
                task.cancel()
            await asyncio.gather(*core, return_exceptions=True)

    def description(self) -> dict[str, Any]:
        """Return what lab.json says."""
        network, folder = self._network, self._folder
        return {
            "pid": os.getpid(),
            "kubeconfig": str(folder.kubeconfig),
            "api": network.api,
            "prometheus": network.prometheus,
            "prometheus_engine": self._plan.prometheus or "embedded",
            "recorder": network.recorder,
            "slack_api": f"{network.recorder}/slack/api/",
            "slack_messages": f"{network.recorder}/slack/messages.json",
            "pagerduty": f"{network.recorder}/pagerduty",
            "alertmanager": f"{network.recorder}/alertmanager",
            "shop": network.shop,
            "load": network.load,
            "prefect": "",
            "started_at": clock.timestamp(),
            "logs": str(folder.logs),
        }

    def _credentials(self, token: str) -> Certificates:
        folder, network = self._folder, self._network
        files = make_certificates(folder.certificates, host=network.host)
        kubeconfig.write_secret(folder.token, token)
        kubeconfig.write(folder.kubeconfig, server=network.api, ca_file=files.ca_file, token=token)
        return files

    def _api_server(self, files: Certificates, token: str) -> "ApiServer":
        from infra.lab.apiserver.server import create_server

        return create_server(
            host=self._network.host,
            port=API_PORT,
            cert_file=str(files.cert_file),
            key_file=str(files.key_file),
            ca_file=str(files.ca_file),
            admin_token=token,
            service_prefix=self._network.prefix,
        )

    async def _start_children(self) -> None:
        folder, network, plan = self._folder, self._network, self._plan
        ca_file, token = str(folder.certificates / "ca.crt"), ("--token-file", str(folder.token))
        here = ("--host", network.host, "--port")
        nodes = (
            "--octet",
            str(network.octet),
            "--nodes",
            str(plan.nodes),
            "--folder",
            str(folder.root / "nodes"),
        )
        engine = ("--real", plan.prometheus, "--folder", str(folder.root / "prometheus"))
        programs: dict[str, tuple[str, ...]] = {
            "node": ("--server", network.api, "--ca", ca_file, *token, *nodes),
            "metrics": (
                *("--api", network.api, "--ca-file", ca_file, *token),
                *(*here, str(PROMETHEUS_PORT), "--load", network.load, *engine),
            ),
            "recorder": (*here, str(RECORDER_PORT)),
        }
        for name, arguments in programs.items():
            await self._children.start(Child(name, f"infra.lab.{name}", arguments, folder.log(name)))

    async def _open_the_shop(self, api: InProcessApi) -> None:
        """Let customers in once the shop is open: they would remember the errors of its first second."""
        network, name = self._network, "load"
        await shop_deployment.wait_until_open(api, network.shop)
        arguments = ("--host", network.host, "--port", str(LOAD_PORT), "--shop", network.shop)
        rate = ("--rate", f"{self._plan.rate:g}")
        await self._children.start(
            Child(name, f"infra.lab.{name}", (*arguments, *rate), self._folder.log(name))
        )
        await _answers(network.load, "/healthz")

    async def _bring_up(self, api: InProcessApi) -> None:
        network, plan = self._network, self._plan
        await shop_deployment.apply(api, shop_deployment.manifests(network.prefix, replicas=plan.replicas))
        waits = {
            "shop": self._open_the_shop(api),
            "metrics": _answers(network.prometheus, "/-/ready"),
            "recorder": _answers(network.recorder, "/healthz"),
        }
        tasks = {name: asyncio.ensure_future(wait) for name, wait in waits.items()}
        _, late = await asyncio.wait(tasks.values(), timeout=plan.ready_within_s)
        for task in late:
            task.cancel()
        if late:
            names = [name for name, task in tasks.items() if task in late]
            raise LabError(await self._lateness(api, names))
        for task in tasks.values():
            task.result()

    async def _lateness(self, api: InProcessApi, names: list[str]) -> str:
        """Return what to say about parts that are not ready in time."""
        lacking = await shop_deployment.not_ready(api) if "shop" in names else []
        said = [f"not ready within {self._plan.ready_within_s:g}s: {', '.join(names)}", *lacking]
        logs = [self._folder.log("node" if name == "shop" else name) for name in names]
        return "; ".join(said) + "".join(f"\nThe last lines of {log}:\n{tail(log)}" for log in logs)


def _serve(server: "ApiServer", listening: asyncio.Event) -> "asyncio.Future[None]":
    from infra.lab.apiserver.web import serve

    return asyncio.ensure_future(serve(server, started=listening))


def _controllers(server: "ApiServer") -> "asyncio.Future[None]":
    from infra.lab.controllers import run_controllers

    root_ca = Path(server.settings.ca_file).read_text(encoding="ascii")
    return asyncio.ensure_future(run_controllers(InProcessApi(server), root_ca=root_ca))


async def _unless_one_ends(wait: Awaitable[Any], core: list["asyncio.Future[None]"]) -> None:
    """Await *wait*, or raise what ended one of the tasks that should never end."""
    waiting = asyncio.ensure_future(wait)
    try:
        await asyncio.wait([waiting, *core], return_when=asyncio.FIRST_COMPLETED)
        for task in core:
            if task.done():
                if isinstance(task.exception(), LabError):
                    await task
                msg = f"the API server or the controllers ended: {task.exception()!r}"
                raise LabError(msg) from task.exception()
        await waiting
    finally:
        waiting.cancel()


async def _answers(url: str, path: str) -> None:
    service = Upstream(url, url)
    while True:
        try:
            status, _ = await service.exchange(path, fresh=True)
        except (OSError, BadRequestError, asyncio.IncompleteReadError):
            status = 0
        if status == 200:
            await service.close()
            return
        await asyncio.sleep(shop_deployment.POLL_SECONDS)
