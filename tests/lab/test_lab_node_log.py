"""A container's log: captured by line, bounded, read the way ``kubectl logs`` asks."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from infra.lab.node import container_log, moments
from infra.lab.node.container_log import ContainerLog, LogQuery
from infra.lab.node.kubelet_api import LogError, parse_query


def with_log(folder: Path, story: Callable[[ContainerLog, int], Awaitable[None]]) -> None:
    async def run() -> None:
        log = ContainerLog(folder / "main.0.log")
        writing = await log.open()
        try:
            await story(log, writing)
        finally:
            os.close(writing)
            await log.settle()

    asyncio.run(run())


async def written(log: ContainerLog, writing: int, text: bytes, expected: bytes | None = None) -> None:
    """Write, and wait until the log has it."""
    os.write(writing, text)
    wanted = text if expected is None else expected
    async with asyncio.timeout(5):
        while not log.read(LogQuery()).endswith(wanted):  # noqa: ASYNC110 - a file has no event
            await asyncio.sleep(0.005)


def test_a_log_is_read_whole_by_its_tail_and_by_size(tmp_path):
    async def story(log: ContainerLog, writing: int) -> None:
        await written(log, writing, b"first\nsecond\nthird\n")
        assert log.read(LogQuery()) == b"first\nsecond\nthird\n"
        assert log.read(LogQuery(tail_lines=1)) == b"third\n"
        assert log.read(LogQuery(tail_lines=0)) == b""
        assert log.read(LogQuery(tail_lines=9)) == b"first\nsecond\nthird\n"
        assert log.read(LogQuery(limit_bytes=3)) == b"fir"

    with_log(tmp_path, story)


def test_timestamps_say_when_a_line_came(tmp_path):
    async def story(log: ContainerLog, writing: int) -> None:
        await written(log, writing, b"first\n")
        before = moments.now()
        await asyncio.sleep(0.01)
        await written(log, writing, b"second\n")
        stamp, _, text = log.read(LogQuery(tail_lines=1, timestamps=True)).partition(b" ")
        assert stamp.endswith(b"Z")
        assert len(stamp) == len("2026-01-01T00:00:00.000000000Z")
        assert text == b"second\n"
        assert log.read(LogQuery(since=before)) == b"second\n"

    with_log(tmp_path, story)


def test_what_has_no_newline_is_stored_when_the_container_ends(tmp_path):
    async def run() -> bytes:
        log = ContainerLog(tmp_path / "main.0.log")
        writing = await log.open()
        os.write(writing, b"half")
        os.close(writing)
        await log.settle()
        return log.read(LogQuery())

    assert asyncio.run(run()) == b"half\n"


def test_a_log_never_holds_more_than_two_segments(tmp_path, monkeypatch):
    monkeypatch.setattr(container_log, "SEGMENT_BYTES", 2000)

    async def story(log: ContainerLog, writing: int) -> None:
        for number in range(200):
            await written(log, writing, b"line %d\n" % number)
        stored = log.read(LogQuery())
        assert stored.endswith(b"line 198\nline 199\n")
        assert b"line 0\n" not in stored
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 2 * 2000 + 100

    with_log(tmp_path, story)


def test_following_tells_what_is_there_and_what_comes_until_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(container_log, "SEGMENT_BYTES", 300)

    async def run() -> bytes:
        log = ContainerLog(tmp_path / "main.0.log")
        writing = await log.open()
        await written(log, writing, b"before\n")
        heard = b""

        async def follow() -> None:
            nonlocal heard
            async for text in log.follow(LogQuery()):
                heard += text

        following = asyncio.ensure_future(follow())
        for number in range(20):
            await written(log, writing, b"after %d\n" % number)
            await asyncio.sleep(0)
        os.close(writing)
        await asyncio.wait_for(following, 5)
        return heard

    lines = asyncio.run(run()).splitlines()
    assert lines == [b"before", *(b"after %d" % number for number in range(20))]


def test_a_line_without_end_is_stored_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(container_log, "LINE_BYTES", 1000)

    async def story(log: ContainerLog, writing: int) -> None:
        os.write(writing, b"x" * 5000)
        async with asyncio.timeout(5):
            while log.read(LogQuery()).count(b"\n") < 1:  # noqa: ASYNC110 - a file has no event
                await asyncio.sleep(0.005)

    with_log(tmp_path, story)


def test_the_parameters_of_a_request_become_a_query():
    query = parse_query(
        {"tailLines": "5", "limitBytes": "10", "timestamps": "true", "sinceTime": "2026-01-01T00:00:00Z"}
    )
    assert (query.tail_lines, query.limit_bytes, query.timestamps) == (5, 10, True)
    assert query.since == moments.parse("2026-01-01T00:00:00Z")


def test_a_parameter_that_is_no_number_is_refused():
    with pytest.raises(LogError):
        parse_query({"tailLines": "many"})
