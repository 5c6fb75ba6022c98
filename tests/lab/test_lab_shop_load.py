"""The customers: their rate does not depend on the shop's answers."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from infra.lab.load import generator
from infra.lab.load.control import routes
from infra.lab.load.generator import Load
from infra.lab.shop.http_client import Upstream
from infra.lab.shop.http_server import Handler, HttpServer, Request, Response


@asynccontextmanager
async def shop_and_load(handler: Handler, *, rate: float) -> AsyncIterator[Load]:
    server = HttpServer(handler)
    upstream = Upstream("shop", f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}")
    try:
        yield Load(upstream, rate=rate)
    finally:
        await upstream.close()
        await server.stop(1)


async def run_for(load: Load, seconds: float) -> str:
    sending = asyncio.ensure_future(load.run())
    await asyncio.sleep(seconds)
    text = load.render()
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    return text


def number(text: str, series: str) -> float:
    found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


async def good(_: Request) -> Response:
    return Response(200, b"hello")


async def slow(_: Request) -> Response:
    await asyncio.sleep(0.5)
    return Response(200, b"hello")


async def broken(_: Request) -> Response:
    return Response(502)


def test_customers_arrive_at_the_rate_whatever_the_shop_does():
    async def story(handler: Handler) -> float:
        async with shop_and_load(handler, rate=100) as load:
            text = await run_for(load, 0.4)
            return number(text, "load_requests_in_flight") + number(text, 'load_requests_total{code="200"}')

    assert 20 <= asyncio.run(story(good)) <= 45
    assert 20 <= asyncio.run(story(slow)) <= 45


def test_too_many_unanswered_requests_are_dropped_and_counted(monkeypatch):
    monkeypatch.setattr(generator, "MAX_IN_FLIGHT", 5)

    async def story() -> str:
        async with shop_and_load(slow, rate=200) as load:
            return await run_for(load, 0.3)

    text = asyncio.run(story())
    assert number(text, "load_requests_in_flight") == 5
    assert number(text, "load_requests_dropped_total") > 10


def test_bad_answers_and_no_answers_are_told_apart():
    async def story() -> tuple[str, str]:
        async with shop_and_load(broken, rate=100) as load:
            answered = await run_for(load, 0.2)
        nobody = Upstream("shop", "http://127.0.0.1:9")
        return answered, await run_for(Load(nobody, rate=100), 0.2)

    answered, silent = asyncio.run(story())
    assert number(answered, 'load_requests_total{code="502"}') > 5
    assert number(silent, 'load_requests_total{code="error"}') > 5


def test_customers_wait_until_the_shop_is_open():
    answers = iter([503, 200, 503, 200, 200, 200])

    async def opening(_: Request) -> Response:
        return Response(next(answers))

    async def story() -> bool:
        async with shop_and_load(opening, rate=100) as load:
            await load.wait_until_open(pause_s=0)
            return 'code="503"' in load.render()

    assert asyncio.run(story()) is False  # what happened before the opening is nobody's business
    assert list(answers) == []


@pytest.mark.parametrize(
    ("body", "status"), [(b"50", 200), (b" 0 ", 200), (b"-1", 400), (b"fast", 400), (b"nan", 400)]
)
def test_the_rate_can_be_set_within_reason(body: bytes, status: int):
    load = Load(Upstream("shop", "http://127.0.0.1:9"), rate=20)

    answer = routes(load, Request("POST", "/rate", body=body))

    assert answer.status == status
    assert load.rate == (float(body) if status == 200 else 20)
    assert routes(load, Request("GET", "/nowhere")).status == 404
