"""What every service of the shop does the same way: settings, platform endpoints, counting, stopping."""

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from infra.lab.shop.exposition import CONTENT_TYPE, ServiceMetrics
from infra.lab.shop.http_client import Upstream, UpstreamError
from infra.lab.shop.http_server import Handler, HttpServer, Request, Response

LOG = logging.getLogger("shop")

Check = Callable[[], bool]

USUAL_CODES = (200, 502, 503)


@dataclass(frozen=True, slots=True)
class Service:
    """One service of the shop.

    Args:
        name: also the ``app`` label of its metrics.
        routes: what customers or other services may ask for, by path.
        checks: further yes-or-no endpoints beside /healthz and /readyz, by path.
        upstreams: the services it calls, to hang up on when it stops.
        background: work to do beside serving, started with it.
    """

    name: str
    routes: Mapping[str, Handler]
    checks: Mapping[str, Check] = field(default_factory=dict)
    upstreams: tuple[Upstream, ...] = ()
    background: Callable[[], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What a pod is told by its environment. Times are in seconds."""

    host: str
    port: int
    drain_s: float
    grace_s: float

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read POD_IP, PORT, DRAIN_SECONDS and GRACE_SECONDS, or take the defaults."""
        return cls(
            host=environment.get("POD_IP") or "127.0.0.1",
            port=int(environment.get("PORT", "8080")),
            drain_s=float(environment.get("DRAIN_SECONDS", "0.5")),
            grace_s=float(environment.get("GRACE_SECONDS", "5")),
        )


class Pod:
    """One running instance of a service."""

    def __init__(self, service: Service, settings: Settings) -> None:
        self._service = service
        self._settings = settings
        self.metrics = ServiceMetrics(service.name)
        for path in service.routes:
            self.metrics.expect(method="GET", path=path, codes=USUAL_CODES)
        self.ready = False
        self._server = HttpServer(self._answer)
        self._background: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Begin to serve; return the port."""
        port = await self._server.start(self._settings.host, self._settings.port)
        if self._service.background is not None:
            self._background = asyncio.ensure_future(self._service.background())
        self.ready = True
        LOG.info("%s serves on %s:%d", self._service.name, self._settings.host, port)
        return port

    async def stop(self) -> None:
        """Say not ready, serve while the news spreads, finish what is in flight, stop."""
        self.ready = False
        self._server.drain()
        LOG.info("%s is asked to stop; draining for %gs", self._service.name, self._settings.drain_s)
        await asyncio.sleep(self._settings.drain_s)
        await self._server.stop(self._settings.grace_s)
        if self._background is not None:
            self._background.cancel()
            await asyncio.gather(self._background, return_exceptions=True)
        for upstream in self._service.upstreams:
            await upstream.close()
        LOG.info("%s stopped", self._service.name)

    async def _answer(self, request: Request) -> Response:
        platform = self._platform(request.path)
        if platform is not None:
            return platform  # not counted: probes and scrapes are no customers
        handler = self._service.routes.get(request.path)
        if handler is None:
            return Response(404, f"{self._service.name} has no {request.path}\n".encode())
        began = time.perf_counter()
        self.metrics.in_flight += 1
        try:
            response = await handler(request)
        except UpstreamError as error:
            LOG.warning("%s %s failed: %s", request.method, request.path, error)
            response = Response(502, f"{error}\n".encode())
        except (KeyError, TypeError, ValueError) as error:
            LOG.exception("%s %s: another service answered nonsense", request.method, request.path)
            response = Response(502, f"another service answered nonsense: {error!r}\n".encode())
        finally:
            self.metrics.in_flight -= 1
        self.metrics.observe(
            method=request.method,
            path=request.path,
            code=response.status,
            seconds=time.perf_counter() - began,
        )
        return response

    def _platform(self, path: str) -> Response | None:
        if path == "/metrics":
            return Response(200, self.metrics.render().encode(), CONTENT_TYPE)
        if path == "/healthz":
            return Response(200, b"ok\n")
        check = (lambda: self.ready) if path == "/readyz" else self._service.checks.get(path)
        if check is None:
            return None
        good = check()
        return Response(200 if good else 503, b"ok\n" if good else b"not yet\n")


async def serve(service: Service, environment: Mapping[str, str]) -> None:
    """Run *service* until SIGTERM or SIGINT."""
    pod = Pod(service, Settings.from_environment(environment))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    await pod.start()
    await stop.wait()
    await pod.stop()


def run(build: Callable[[Mapping[str, str]], Service]) -> None:
    """Be one pod: build the service from the environment and serve, logging where ``kubectl logs`` looks."""
    logging.basicConfig(
        stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    asyncio.run(serve(build(os.environ), os.environ))
