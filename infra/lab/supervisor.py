"""Keeps the lab's child processes: starts them, starts them again when they end, and takes them along."""

import asyncio
import logging
import os
import signal
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from infra.lab.node.lifeline import die_with_parent
from infra.lab.state import LabError, tail

LOG = logging.getLogger("lab.supervisor")

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0
STEADY_SECONDS = 30.0
"""A child that ran so long is started again without the pauses it earned before."""

LOSSES_KEPT = 10


@dataclass(frozen=True, slots=True)
class Child:
    """One program: ``python -m module arguments``, with a log file."""

    name: str
    module: str
    arguments: tuple[str, ...]
    log: Path


class Supervisor:
    """The children of this process. They die with it, however it dies."""

    def __init__(self) -> None:
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._stopping = False
        self._lost: asyncio.Queue[tuple[Child, int]] = asyncio.Queue(LOSSES_KEPT)

    async def loss(self) -> None:
        """Wait until a child ends by itself.

        Raises:
            LabError: one did; the text has the last lines of its log.
        """
        child, status = await self._lost.get()
        msg = f"{child.name} ended with status {status}; the last lines of {child.log}:\n{tail(child.log)}"
        raise LabError(msg)

    async def start(self, child: Child) -> None:
        """Start *child*, and keep it running from now on."""
        first = await self._spawn(child)
        self._keepers.append(asyncio.ensure_future(self._keep(child, first)))

    async def stop(self, *, within_s: float) -> None:
        """Ask every child to end, and kill those that have not after *within_s* seconds."""
        self._stopping = True
        for process in self._running.values():
            _signal(process, signal.SIGTERM)
        pending = [asyncio.ensure_future(process.wait()) for process in self._running.values()]
        if pending:
            await asyncio.wait(pending, timeout=within_s)
        for name, process in self._running.items():
            if process.returncode is None:
                LOG.warning("%s did not end within %gs and is killed", name, within_s)
                _signal(process, signal.SIGKILL)
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, *pending, return_exceptions=True)

    async def _keep(self, child: Child, process: asyncio.subprocess.Process) -> None:
        loop, pause = asyncio.get_running_loop(), FIRST_PAUSE_SECONDS
        while True:
            began = loop.time()
            status = await process.wait()
            if self._stopping:
                return
            if not self._lost.full():
                self._lost.put_nowait((child, status))
            if loop.time() - began > STEADY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            LOG.error("%s ended by itself with status %d; started again in %gs", child.name, status, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            process = await self._spawn(child)

    async def _spawn(self, child: Child) -> asyncio.subprocess.Process:
        process = self._running[child.name] = await _spawn(child)
        LOG.info("%s runs as process %d, log %s", child.name, process.pid, child.log)
        return process


async def _spawn(child: Child) -> asyncio.subprocess.Process:
    log = os.open(child.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            child.module,
            *child.arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=partial(die_with_parent, signal.SIGKILL),
        )
    finally:
        os.close(log)


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    if process.returncode is None:
        process.send_signal(number)
