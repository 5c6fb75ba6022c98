"""One container's output: from a pipe, stamped by line, bounded on disk, read as ``kubectl logs`` does."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from infra.lab.node import moments

SEGMENT_BYTES = 1 << 20
"""Size at which a log file is put aside. One older segment is kept: a log is at most twice this."""

LINE_BYTES = 64 << 10
"""A longer line is stored in pieces, so that a program without newlines cannot fill the memory."""


@dataclass(frozen=True, slots=True)
class LogQuery:
    """What part of a log is wanted, in the words of PodLogOptions."""

    tail_lines: int | None = None
    limit_bytes: int | None = None
    since: datetime | None = None
    timestamps: bool = False


class ContainerLog(asyncio.Protocol):
    """The receiving end of a container's stdout and stderr."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._older = path.with_suffix(".older")
        self._file = path.open("ab")
        self._partial = b""
        self._grew = asyncio.Event()
        self.finished = asyncio.Event()

    async def open(self) -> int:
        """Make the pipe; returns the writing end, which the caller passes on and closes."""
        reading, writing = os.pipe()
        await asyncio.get_running_loop().connect_read_pipe(lambda: self, os.fdopen(reading, "rb", 0))
        return writing

    def data_received(self, data: bytes) -> None:
        """Store whole lines with the time they came."""
        *lines, self._partial = (self._partial + data).split(b"\n")
        if len(self._partial) > LINE_BYTES:
            lines.append(self._partial)
            self._partial = b""
        self._store(lines)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        """Every writer has closed the pipe: store what has no newline yet and end."""
        if self._partial:
            self._store([self._partial])
        self._file.close()
        self.finished.set()
        self._grew.set()

    async def settle(self, seconds: float = 0.5) -> None:
        """Wait until the output is complete; a process that escaped its container may hold the pipe open."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.finished.wait(), seconds)

    def read(self, query: LogQuery) -> bytes:
        """The stored lines that match."""
        lines = []
        for path in (self._older, self._path):
            if path.exists():
                lines += path.read_bytes().splitlines(keepends=True)
        if query.since is not None:
            since = query.since
            lines = [line for line in lines if _time_of(line) >= since]
        if query.tail_lines is not None:
            lines = lines[len(lines) - query.tail_lines :] if query.tail_lines < len(lines) else lines
        text = b"".join(_shown(line, timestamps=query.timestamps) for line in lines)
        return text if query.limit_bytes is None else text[: query.limit_bytes]

    def take(self) -> str:
        """Everything, as text; the files are removed."""
        text = self.read(LogQuery()).decode("utf-8", "replace")
        self._path.unlink(missing_ok=True)
        self._older.unlink(missing_ok=True)
        return text

    async def follow(self, query: LogQuery) -> AsyncIterator[bytes]:
        """What is stored now, then what is added until the container ends."""
        yield self.read(query)
        identity, offset = self._position()
        while True:
            over = self.finished.is_set()
            if self._position()[0] != identity:
                yield self._tail_of(self._older, offset, query)
                identity, offset = self._position()[0], 0
            yield self._tail_of(self._path, offset, query)
            offset = self._position()[1]
            if over:
                return
            self._grew.clear()
            await self._grew.wait()

    def _position(self) -> tuple[int, int]:
        found = self._path.stat()
        return found.st_ino, found.st_size

    @staticmethod
    def _tail_of(path: Path, offset: int, query: LogQuery) -> bytes:
        with path.open("rb") as file:
            file.seek(offset)
            return b"".join(_shown(line, timestamps=query.timestamps) for line in file)

    def _store(self, lines: list[bytes]) -> None:
        if not lines or self._file.closed:
            return
        stamp = moments.now().strftime("%Y-%m-%dT%H:%M:%S.%f000Z ").encode()
        self._file.write(b"".join(stamp + line + b"\n" for line in lines))
        self._file.flush()
        if self._file.tell() >= SEGMENT_BYTES:
            self._file.close()
            self._path.replace(self._older)
            self._file = self._path.open("ab")
        self._grew.set()


def _time_of(line: bytes) -> datetime:
    return moments.parse(line.partition(b" ")[0].decode().replace("000Z", "Z"))


def _shown(line: bytes, *, timestamps: bool) -> bytes:
    return line if timestamps else line.partition(b" ")[2]
