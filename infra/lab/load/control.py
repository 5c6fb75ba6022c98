"""The generator's own little HTTP side: /metrics, /healthz and the rate."""

import asyncio
import logging
import signal

from infra.lab.load.generator import MAX_RATE, Load
from infra.lab.shop.exposition import CONTENT_TYPE
from infra.lab.shop.http_client import Upstream
from infra.lab.shop.http_server import HttpServer, Request, Response

LOG = logging.getLogger("load")


def routes(load: Load, request: Request) -> Response:
    """Answer one request: GET /metrics, GET /healthz, GET or POST /rate (a plain number)."""
    if request.path == "/metrics":
        return Response(200, load.render().encode(), CONTENT_TYPE)
    if request.path == "/healthz":
        return Response(200, b"ok\n")
    if request.path == "/rate":
        return _rate(load, request)
    return Response(404, b"there are /metrics, /healthz and /rate\n")


def _rate(load: Load, request: Request) -> Response:
    if request.method == "POST":
        text = request.body.decode("utf-8", "replace").strip()
        try:
            rate = float(text)
        except ValueError:
            rate = -1.0
        if not 0 <= rate <= MAX_RATE:
            return Response(400, f"a rate is a number from 0 to {MAX_RATE:g}, not {text[:40]!r}\n".encode())
        load.rate = rate
        LOG.info("rate is now %g requests a second", rate)
    return Response(200, f"{load.rate:g}\n".encode())


async def serve(shop: str, *, host: str, port: int, rate: float) -> None:
    """Send to *shop* and serve the numbers until SIGTERM."""
    upstream = Upstream("shop", shop, timeout_s=5.0)
    load = Load(upstream, rate=rate)

    async def answer(request: Request) -> Response:
        return routes(load, request)

    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    server = HttpServer(answer)
    await server.start(host, port)
    LOG.info("sending %g requests a second to %s once it is open", rate, shop)

    async def customers() -> None:
        await load.wait_until_open()
        LOG.info("the shop is open")
        await load.run()

    sending = asyncio.ensure_future(customers())
    await stop.wait()
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    await upstream.close()
    await server.stop(1.0)
