"""The shop without a lab: each service in this process, on a loopback port of its own."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from infra.lab.shop import catalog, checkout, frontend, payments
from infra.lab.shop.http_client import Upstream, UpstreamError
from infra.lab.shop.http_server import HttpServer, Request, Response
from infra.lab.shop.service import Pod, Service, Settings

QUICK = Settings(host="127.0.0.1", port=0, drain_s=0.05, grace_s=2.0)


@asynccontextmanager
async def running(service: Service, *, settings: Settings = QUICK) -> AsyncIterator[tuple[Pod, str]]:
    pod = Pod(service, settings)
    url = f"http://127.0.0.1:{await pod.start()}"
    try:
        yield pod, url
    finally:
        await pod.stop()


@asynccontextmanager
async def shop(catalog_settings: Mapping[str, str]) -> AsyncIterator[Upstream]:
    async with (
        running(payments.build({})) as (_, payments_url),
        running(checkout.build({"PAYMENTS_URL": payments_url})) as (_, checkout_url),
        running(catalog.build(catalog_settings)) as (_, catalog_url),
        running(frontend.build({"CHECKOUT_URL": checkout_url, "CATALOG_URL": catalog_url})) as (_, url),
    ):
        front = Upstream("frontend", url)
        yield front
        await front.close()


async def status_of(service: Upstream, path: str) -> int:
    status, _ = await service.exchange(path)
    await service.close()
    return status


def counted(metrics: str, name: str) -> dict[str, float]:
    return {
        labels: float(value)
        for labels, value in re.findall(rf"^{name}{{(.*)}} (\S+)$", metrics, re.MULTILINE)
    }


def test_the_front_page_shows_the_catalogue_and_the_cart():
    async def story() -> str:
        async with shop({"CATALOG_WARM_UP_SECONDS": "0"}) as front:
            await asyncio.sleep(0.02)
            return (await front.get("/")).decode()

    page = asyncio.run(story())

    assert "Anemometer" in page
    assert "42.00 EUR" in page


def test_a_cold_catalog_says_ready_and_customers_see_errors():
    async def story() -> tuple[int, int, int]:
        async with shop({"CATALOG_WARM_UP_SECONDS": "60"}) as front:
            broken = await status_of(front, "/")
        async with running(catalog.build({"CATALOG_WARM_UP_SECONDS": "60"})) as (_, url):
            direct = Upstream("catalog", url)
            return broken, await status_of(direct, "/readyz"), await status_of(direct, "/warm")

    assert asyncio.run(story()) == (502, 200, 503)


@pytest.mark.parametrize(("started", "seconds"), [(100, 0), (99, 0), (101, 0.4), (110, 4.0), (1000, 6)])
def test_the_warm_up_grows_with_the_age_of_the_snapshot_up_to_its_limit(started, seconds):
    assert catalog.warm_up_seconds(snapshot_at=100, now=started, limit_s=6) == seconds


def test_a_failed_call_is_tried_again_on_another_connection():
    answers = iter([503, 503, 200])

    async def flaky(_: Request) -> Response:
        return Response(next(answers))

    async def story() -> bytes:
        async with running(Service("flaky", {"/": flaky})) as (_, url):
            upstream = Upstream("flaky", url, retries=2)
            body = await upstream.get("/")
            await upstream.close()
            return body

    assert asyncio.run(story()) == b""


def test_without_retries_the_first_failure_counts_and_names_the_service():
    async def story() -> None:
        await Upstream("catalog", "http://127.0.0.1:9", retries=0).get("/products")

    with pytest.raises(UpstreamError, match=r"catalog .*127\.0\.0\.1"):
        asyncio.run(story())


def test_a_hanging_service_is_given_up_after_the_time_limit():
    async def hang(_: Request) -> Response:
        await asyncio.sleep(0.3)
        return Response()

    async def story() -> None:
        async with running(Service("slow", {"/": hang})) as (_, url):
            await Upstream("slow", url, timeout_s=0.05).get("/")

    with pytest.raises(UpstreamError, match="slow TimeoutError"):
        asyncio.run(story())


def test_connections_are_kept_for_a_few_requests_and_then_retired():
    peers: set[int] = set()
    server = HttpServer(lambda _: _ok())

    async def _ok() -> Response:
        return Response()

    async def story() -> int:
        port = await server.start("127.0.0.1", 0)
        upstream = Upstream("any", f"http://127.0.0.1:{port}")
        for _ in range(16):
            await upstream.get("/")
            peers.update(id(connection) for connection in upstream._idle)
        idle = len(upstream._idle)
        await server.stop(1)
        return idle

    assert asyncio.run(story()) == 0  # 16 requests are exactly two connections' worth


def test_a_pod_finishes_what_is_in_flight_before_it_stops():
    async def slow(_: Request) -> Response:
        await asyncio.sleep(0.2)
        return Response(200, b"done")

    async def story() -> tuple[bytes, int]:
        pod = Pod(Service("slow", {"/": slow}), QUICK)
        url = f"http://127.0.0.1:{await pod.start()}"
        asked = asyncio.create_task(Upstream("slow", url).get("/"))
        await asyncio.sleep(0.05)
        stopping = asyncio.create_task(pod.stop())
        await asyncio.sleep(0.01)
        ready = await status_of(Upstream("slow", url), "/readyz")  # still listening, no longer ready
        await stopping
        return await asked, ready

    assert asyncio.run(story()) == (b"done", 503)


def test_probes_and_scrapes_are_not_counted_as_customers():
    async def story() -> str:
        async with running(payments.build({})) as (_, url):
            client = Upstream("payments", url)
            for path in ("/healthz", "/readyz", "/metrics", "/methods", "/methods", "/nowhere"):
                await status_of(client, path)
            metrics = (await client.get("/metrics")).decode()
            await client.close()
            return metrics

    metrics = asyncio.run(story())

    assert counted(metrics, "http_requests_total") == {
        'app="payments",code="200",method="GET",path="/methods"': 2.0,
        'app="payments",code="502",method="GET",path="/methods"': 0.0,
        'app="payments",code="503",method="GET",path="/methods"': 0.0,
    }
    assert counted(metrics, "http_requests_in_flight") == {'app="payments"': 0.0}
    buckets = counted(metrics, "http_request_duration_seconds_bucket")
    assert buckets['app="payments",method="GET",path="/methods",le="+Inf"'] == 2.0


@pytest.mark.parametrize(
    "bad", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nno colon here\r\n\r\n", b"GET /" + b"x" * 20_000]
)
def test_a_malformed_request_is_answered_with_400(bad):
    async def story() -> bytes:
        async with running(payments.build({})) as (_, url):
            reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":", 1)[1]))
            writer.write(bad)
            answer = await reader.read(12)
            writer.close()
            return answer

    assert asyncio.run(story()) == b"HTTP/1.1 400"
