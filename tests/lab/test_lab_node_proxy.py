"""The proxy behind a Service's address: where connections go, and what network faults do to them."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from infra.lab.node.proxy.listener import Listener
from infra.lab.node.proxy.routes import Route, routes
from infra.lab.node.proxy.service_proxy import SERVICES, SLICES, ServiceProxy
from infra.lab.node.proxy.weather import CALM, FAULT_ANNOTATION, FaultError, ProxyFault, Weather, parse_fault

HOST = "127.95.96.10"
PORT = 18080


def service(name: str = "web", address: str = HOST, **annotations: str) -> dict:
    return {
        "metadata": {"name": name, "namespace": "shop", "uid": f"s-{name}", "annotations": annotations},
        "spec": {"clusterIP": address, "ports": [{"port": PORT, "targetPort": 8080, "protocol": "TCP"}]},
    }


def endpoint(address: str, *, ready: bool = True, serving: bool = True, terminating: bool = False) -> dict:
    conditions = {"ready": ready, "serving": serving, "terminating": terminating}
    return {"addresses": [address], "conditions": conditions}


def slice_of(*endpoints: dict, name: str = "web", port: int = 8080) -> dict:
    return {
        "metadata": {
            "name": f"{name}-1",
            "namespace": "shop",
            "uid": f"e-{name}",
            "labels": {"kubernetes.io/service-name": name},
        },
        "endpoints": list(endpoints),
        "ports": [{"name": "", "port": port, "protocol": "TCP"}],
    }


def test_only_ready_endpoints_take_connections():
    found = routes(
        [service()], [slice_of(endpoint("1.1.1.1"), endpoint("1.1.1.2", ready=False, serving=False))]
    )
    assert found == {(HOST, PORT): Route("shop/web", (("1.1.1.1", 8080),))}


def test_terminating_endpoints_take_connections_when_there_are_no_others():
    ending = endpoint("1.1.1.2", ready=False, terminating=True)
    assert routes([service()], [slice_of(ending)])[(HOST, PORT)].backends == (("1.1.1.2", 8080),)
    assert routes([service()], [slice_of(ending, endpoint("1.1.1.1"))])[(HOST, PORT)].backends == (
        ("1.1.1.1", 8080),
    )


def test_an_empty_slice_gives_a_route_without_endpoints():
    empty = slice_of() | {"endpoints": None, "ports": None}
    assert routes([service()], [empty])[(HOST, PORT)].backends == ()


def test_slices_of_another_service_are_not_used():
    assert routes([service()], [slice_of(endpoint("1.1.1.1"), name="other")])[(HOST, PORT)].backends == ()


def test_a_headless_service_has_no_route():
    assert routes([service(address="None")], [slice_of(endpoint("1.1.1.1"))]) == {}


def test_a_fault_is_read_from_its_annotation():
    assert parse_fault('{"latency_ms": 200, "loss": 0.1}') == ProxyFault(latency_s=0.2, loss=0.1)


@pytest.mark.parametrize("text", ["", "[]", '{"latency": 1}', '{"loss": 1.5}', '{"latency_ms": "long"}'])
def test_a_fault_that_is_not_understood_is_refused(text):
    with pytest.raises(FaultError):
        parse_fault(text)


@asynccontextmanager
async def backend(address: str, answer: bytes) -> AsyncIterator[None]:
    """A server that answers every line with its own name and the line."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(answer + b" " + line)
        writer.close()

    server = await asyncio.start_server(serve, address, 8080)
    try:
        yield
    finally:
        server.close()


async def ask(line: bytes = b"x\n") -> bytes:
    reader, writer = await asyncio.open_connection(HOST, PORT)
    try:
        writer.write(line)
        return await reader.readline()
    finally:
        writer.close()


def with_proxy(story: Callable[[Listener, Weather], Awaitable[None]]) -> None:
    async def run() -> None:
        weather = Weather(random.Random(1))  # noqa: S311 - chance, not a secret
        listener = Listener((HOST, PORT), weather)
        async with backend("127.95.16.2", b"one"), backend("127.95.16.3", b"two"):
            await send(listener, "127.95.16.2", "127.95.16.3")
            try:
                await asyncio.wait_for(story(listener, weather), 20)
            finally:
                listener.close()
                await asyncio.sleep(0.05)  # let closed transports say goodbye before the loop ends

    asyncio.run(run())


async def send(listener: Listener, *addresses: str) -> None:
    listener.route(Route("shop/web", tuple((address, 8080) for address in addresses)))
    await listener.settle()


def test_connections_go_to_the_endpoints_in_turn():
    async def story(_: Listener, __: Weather) -> None:
        assert [(await ask()).split()[0] for _ in range(4)] == [b"one", b"two", b"one", b"two"]

    with_proxy(story)


def test_without_endpoints_connections_are_refused_and_then_served_again():
    async def story(listener: Listener, _: Weather) -> None:
        await send(listener)
        with pytest.raises(ConnectionRefusedError):
            await ask()
        await send(listener, "127.95.16.3")
        assert await ask() == b"two x\n"

    with_proxy(story)


def test_an_established_connection_outlives_its_endpoints_removal():
    async def story(listener: Listener, _: Weather) -> None:
        reader, writer = await asyncio.open_connection(HOST, PORT)
        writer.write(b"a\n")
        assert await reader.readline() == b"one a\n"
        await send(listener)
        writer.write(b"b\n")
        assert await reader.readline() == b"one b\n"
        writer.close()

    with_proxy(story)


def test_an_endpoint_without_a_process_resets_the_connection():
    async def story(listener: Listener, _: Weather) -> None:
        await send(listener, "127.95.16.99")
        with pytest.raises(ConnectionResetError):
            await ask()

    with_proxy(story)


def test_a_client_that_stops_sending_still_gets_its_answer():
    async def story(_: Listener, __: Weather) -> None:
        reader, writer = await asyncio.open_connection(HOST, PORT)
        writer.write(b"last\n")
        writer.write_eof()
        assert await reader.read() == b"one last\n"
        writer.close()

    with_proxy(story)


def test_much_data_passes_whole_even_if_the_reader_is_slow():
    async def story(_: Listener, __: Weather) -> None:
        reader, writer = await asyncio.open_connection(HOST, PORT, limit=1 << 20)
        lines = 300
        payload = b"y" * 20_000 + b"\n"

        async def write() -> None:
            for _ in range(lines):
                writer.write(payload)
                await writer.drain()
            writer.write_eof()

        writing = asyncio.ensure_future(write())
        await asyncio.sleep(0.1)
        assert len(await reader.read()) == lines * (len(payload) + 4)
        await writing
        writer.close()

    with_proxy(story)


def test_latency_delays_answers_and_calm_weather_restores_them():
    async def story(_: Listener, weather: Weather) -> None:
        loop = asyncio.get_running_loop()
        weather.change(ProxyFault(latency_s=0.2))
        began = loop.time()
        assert await ask() == b"one x\n"
        assert loop.time() - began >= 0.4, "once to connect and once to answer"
        weather.change(CALM)
        assert await ask() == b"two x\n"

    with_proxy(story)


def test_a_partition_silences_open_connections_until_it_is_over():
    async def story(_: Listener, weather: Weather) -> None:
        reader, writer = await asyncio.open_connection(HOST, PORT)
        writer.write(b"a\n")
        await reader.readline()
        weather.change(ProxyFault(partition=True))
        writer.write(b"b\n")
        fresh = asyncio.ensure_future(ask(b"c\n"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readline(), 0.2)
        assert not fresh.done()
        weather.change(CALM)
        assert await reader.readline() == b"one b\n"
        assert await fresh == b"two c\n"
        writer.close()

    with_proxy(story)


def test_loss_delays_by_retransmissions_and_never_forever():
    weather = Weather(random.Random(3))  # noqa: S311 - chance, not a secret
    weather.change(ProxyFault(loss=0.5))
    delays = [weather.delay() for _ in range(200)]
    assert min(delays) == 0
    assert 0.2 in delays
    assert max(delays) <= 0.2 * 2**8


def test_a_services_annotation_decides_its_weather_and_a_bad_one_is_reported(caplog):
    async def run() -> None:
        proxy = ServiceProxy(None, faults={"shop/quiet": ProxyFault(partition=True)})  # type: ignore[arg-type]
        known = proxy._objects[SERVICES]
        known["1"] = service("late", "127.95.96.11", **{FAULT_ANNOTATION: '{"latency_ms": 5}'})
        known["2"] = service("quiet", "127.95.96.12")
        known["3"] = service("odd", "127.95.96.13", **{FAULT_ANNOTATION: "storm"})
        proxy._objects[SLICES]["1"] = slice_of()
        proxy.refresh()
        assert proxy._weather["shop/late"].fault == ProxyFault(latency_s=0.005)
        assert proxy._weather["shop/quiet"].fault.partition
        assert proxy._weather["shop/odd"].fault == CALM

    asyncio.run(run())
    assert "shop/odd" in caplog.text
