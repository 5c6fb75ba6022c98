"""The agent's side of the zygote: start a program, learn of its end, signal it."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.lab.node.zygote import MESSAGE_LIMIT


class StartError(Exception):
    """A program could not be started: no such file, no permission."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: a Python module of the lab (forked), or any program (executed)."""

    argv: tuple[str, ...]
    module: str = ""

    def order(self) -> dict[str, Any]:
        """As the zygote reads it."""
        if self.module:
            return {"module": self.module, "args": list(self.argv)}
        return {"argv": list(self.argv)}


@dataclass(slots=True)
class Process:
    """A running program.

    Attributes:
        pid: process id, also the id of its process group.
        ended: resolves to the exit code; minus the signal's number where a signal ended it.
    """

    pid: int
    ended: "asyncio.Future[int]"
    _spawner: "Spawner" = field(repr=False)

    def signal(self, number: signal.Signals) -> None:
        """Signal the process and everything in its group; nothing happens if it has ended."""
        if not self.ended.done():
            self._spawner.signal(self.pid, number)


class Spawner:
    """Owns the zygote process and the conversation with it."""

    def __init__(self, preload: Sequence[str] = ()) -> None:
        self._preload = preload
        self._socket: socket.socket | None = None
        self._zygote: asyncio.subprocess.Process | None = None
        self._orders = 0
        self._sending = asyncio.Lock()
        self._starting: dict[int, asyncio.Future[tuple[Process, str]]] = {}
        self._running: dict[int, asyncio.Future[int]] = {}
        self.lost = asyncio.Event()

    async def open(self) -> None:
        """Start the zygote; it imports its modules while the agent goes on."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)  # noqa: FBT003 - the standard library's signature
        self._socket = ours
        with theirs:
            self._zygote = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "infra.lab.node.zygote",
                str(theirs.fileno()),
                *self._preload,
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
            )
        asyncio.get_running_loop().add_reader(ours.fileno(), self._listen)

    async def close(self) -> None:
        """Let the zygote kill everything it started, and wait for it to end."""
        if self._socket is not None:
            self._forget_socket()
        if self._zygote is not None:
            await self._zygote.wait()
        self._give_up()

    async def start(
        self, program: Program, *, env: Mapping[str, str], cwd: Path, name: str, output: int
    ) -> Process:
        """Start a program with its output on the given descriptor, which this call closes here.

        Raises:
            StartError: it cannot be executed, with the system's words.
        """
        self._orders += 1
        started: asyncio.Future[tuple[Process, str]] = asyncio.get_running_loop().create_future()
        self._starting[self._orders] = started
        order = {
            "do": "start",
            "order": self._orders,
            "env": dict(env),
            "cwd": str(cwd),
            "name": name,
            **program.order(),
        }
        try:
            await self._send(json.dumps(order).encode(), [output])
        finally:
            os.close(output)
        process, problem = await started
        if problem:
            raise StartError(problem)
        return process

    def signal(self, pid: int, number: signal.Signals) -> None:
        """Have the zygote signal a process group, if it still knows it: a reused id is never hit."""
        if self._socket is not None:
            order = json.dumps({"do": "signal", "pid": pid, "signal": int(number)}).encode()
            try:
                self._socket.send(order)
            except BlockingIOError:
                _signal_group(pid, number)  # the queue is full of starts; this one cannot wait

    async def _send(self, message: bytes, files: list[int]) -> None:
        async with self._sending:
            while True:
                if self._socket is None:
                    raise _zygote_ended()
                try:
                    socket.send_fds(self._socket, [message], files)
                except BlockingIOError:
                    await self._writable()
                else:
                    return

    async def _writable(self) -> None:
        loop = asyncio.get_running_loop()
        ready = loop.create_future()
        assert self._socket is not None  # noqa: S101 - checked by the caller
        number = self._socket.fileno()
        loop.add_writer(number, _resolve, ready)
        try:
            await ready
        finally:
            loop.remove_writer(number)

    def _listen(self) -> None:
        assert self._socket is not None  # noqa: S101 - a reader is registered only while it is open
        try:
            data = self._socket.recv(MESSAGE_LIMIT)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self._lose()
            return
        message = json.loads(data)
        pid = message["pid"]
        if message["what"] == "started":
            # Known from this moment on: its end may be the very next message, before the starter runs again.
            self._running[pid] = asyncio.get_running_loop().create_future()
            process = Process(pid, self._running[pid], self)
            started = self._starting.pop(message["order"])
            if started.done():
                process.signal(signal.SIGKILL)  # whoever asked for it was cancelled
            else:
                started.set_result((process, message["problem"]))
        else:
            ended = self._running.pop(pid)
            if not ended.done():
                ended.set_result(message["code"])

    def _lose(self) -> None:
        """The zygote ended by itself: its children died with it."""
        self._forget_socket()
        for pid in self._running:
            _signal_group(pid, signal.SIGKILL)  # what its children started does not die with it
        self._give_up()
        self.lost.set()

    def _give_up(self) -> None:
        """No process is left: nobody shall wait for one."""
        for started in self._starting.values():
            if not started.done():
                started.set_exception(_zygote_ended())
        for ended in self._running.values():
            if not ended.done():
                ended.set_result(-signal.SIGKILL)
        self._starting.clear()
        self._running.clear()

    def _forget_socket(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None


def _resolve(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)


def _zygote_ended() -> StartError:
    return StartError("the zygote process has ended")


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)
