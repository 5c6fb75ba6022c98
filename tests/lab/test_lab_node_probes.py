"""Container probes: what counts as good, and how looks become a verdict."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from infra.lab.node.probing import Look, Looker, Verdict, keep_probing

ADDRESS = "127.92.16.2"


def look_at(probe: dict, answer: bytes | None = b"HTTP/1.1 200 OK\r\n\r\n", **looker) -> tuple[Look, bytes]:
    """Look once at a server that gives one answer, or none where it is None; also the request it saw."""
    seen = b""

    async def run() -> Look:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal seen
            seen = await reader.readuntil(b"\r\n\r\n") if "httpGet" in probe else b""
            if answer is not None:
                writer.write(answer)
            served.append(writer)

        served: list[asyncio.StreamWriter] = []
        async with await asyncio.start_server(serve, ADDRESS, 8080):
            found = await Looker(ADDRESS, {"web": 8080}, **looker).look(probe)
            await asyncio.sleep(0.01)
            for writer in served:
                writer.close()
                with suppress(ConnectionError):
                    await writer.wait_closed()
            return found

    return asyncio.run(run()), seen


@pytest.mark.parametrize(
    ("status", "good"), [(200, True), (302, True), (399, True), (400, False), (503, False)]
)
def test_an_http_probe_takes_200_to_399_for_good(status, good):
    found, _ = look_at({"httpGet": {"port": 8080}}, b"HTTP/1.1 %d X\r\n\r\n" % status)
    assert found.good is good
    assert good or found.message == f"HTTP probe failed with statuscode: {status}"


def test_an_http_probe_asks_by_port_name_with_path_and_headers():
    action = {"port": "web", "path": "/ready?x=1", "httpHeaders": [{"name": "X-Test", "value": "yes"}]}
    found, request = look_at({"httpGet": action})
    assert found.good
    assert request.startswith(b"GET /ready?x=1 HTTP/1.1\r\n")
    assert b"X-Test: yes\r\n" in request


def test_a_refused_connection_is_not_good():
    found, _ = look_at({"httpGet": {"port": 8081, "path": "/"}})
    assert not found.good
    assert "refused" in found.message or "8081" in found.message


def test_an_answer_that_does_not_come_is_not_good():
    found, _ = look_at({"httpGet": {"port": 8080}, "timeoutSeconds": 0.1}, None)
    assert found.message.endswith("context deadline exceeded")


def test_an_answer_that_is_not_http_is_not_good():
    found, _ = look_at({"httpGet": {"port": 8080}}, b"hello\r\n")
    assert "malformed" in found.message


def test_a_tcp_probe_needs_only_a_connection():
    assert look_at({"tcpSocket": {"port": "web"}})[0].good
    assert not look_at({"tcpSocket": {"port": 8081}})[0].good


def test_an_unknown_port_name_is_told():
    assert "no container port is named admin" in look_at({"tcpSocket": {"port": "admin"}})[0].message


@pytest.mark.parametrize(("code", "good"), [(0, True), (1, False)])
def test_a_command_probe_goes_by_the_exit_code(code, good):
    async def execute(_: object) -> tuple[int, str]:
        return code, "why\n"

    found, _ = look_at({"exec": {"command": ["x"]}}, execute=execute)
    assert found.good is good
    assert good or found.message == "why"


def test_a_kind_of_probe_the_lab_does_not_have_is_named():
    assert "grpc" in look_at({"grpc": {"port": 1}})[0].message


def test_a_verdict_changes_after_enough_looks_in_a_row():
    verdict = Verdict(good=False, success_threshold=2, failure_threshold=3)
    seen = []
    for good in (True, False, True, True, False, False, True, False, False, False):
        verdict.count(Look(good))
        seen.append(verdict.good)
    assert seen == [False, False, False, True, True, True, True, True, True, False]


def looking(*answers: bool) -> Callable[[dict], Awaitable[Look]]:
    left = list(answers)

    async def look(_: dict) -> Look:
        return Look(left.pop(0))

    return look


@pytest.mark.parametrize(
    ("answers", "expected"), [((False, False, True), True), ((False, False, False), False)]
)
def test_a_startup_probe_ends_with_its_first_verdict(answers, expected):
    probe = {"periodSeconds": 0.001, "failureThreshold": 3}
    looks = looking(*answers)
    coroutine = keep_probing(
        probe, looks, first_s=0, good_at_first=False, seen=lambda *_: None, until_good=True
    )
    assert asyncio.run(coroutine) is expected
