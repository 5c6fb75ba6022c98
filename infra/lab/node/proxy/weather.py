"""Network faults of a Service: what its proxy does to the bytes that pass."""

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

FAULT_ANNOTATION = "lab.windtunnel.dev/proxy-fault"

RETRANSMIT_S = 0.2
"""What losing a packet costs: Linux' shortest retransmission timeout, doubled with each further loss."""

MOST_LOSSES = 8


class FaultError(ValueError):
    """A fault that cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class ProxyFault:
    """What is wrong between a Service's clients and its endpoints.

    Attributes:
        latency_s: seconds added to opening a connection and to everything an endpoint sends.
        jitter_s: up to so many seconds more, evenly spread.
        loss: share of packets lost, 0 to 1. TCP sends them again, so clients see delays, not gaps.
        partition: nothing passes; connections open and stay silent, as when a peer is unreachable.
    """

    latency_s: float = 0.0
    jitter_s: float = 0.0
    loss: float = 0.0
    partition: bool = False

    def __post_init__(self) -> None:
        if self.latency_s < 0 or self.jitter_s < 0 or not 0 <= self.loss < 1:
            message = f"latency and jitter must not be negative and loss must be from 0 to below 1: {self}"
            raise FaultError(message)

    @property
    def is_calm(self) -> bool:
        """Whether bytes pass as if there were no proxy."""
        return not (self.latency_s or self.jitter_s or self.loss or self.partition)


CALM = ProxyFault()


def parse_fault(text: str) -> ProxyFault:
    """A fault from its annotation, ``{"latency_ms": 200, "jitter_ms": 50, "loss": 0.1, "partition": false}``.

    Raises:
        FaultError: it is not such an object.
    """
    try:
        found: dict[str, Any] = json.loads(text)
        unknown = set(found) - {"latency_ms", "jitter_ms", "loss", "partition"}
        if unknown:
            message = f"unknown keys: {', '.join(sorted(unknown))}"
            raise FaultError(message)
        return ProxyFault(
            latency_s=float(found.get("latency_ms", 0)) / 1000,
            jitter_s=float(found.get("jitter_ms", 0)) / 1000,
            loss=float(found.get("loss", 0)),
            partition=bool(found.get("partition", False)),
        )
    except (ValueError, TypeError, AttributeError) as error:
        message = f"{FAULT_ANNOTATION} is not understood: {error}"
        raise FaultError(message) from error


class Weather:
    """The fault that holds now for one Service; those who wait on it are told when it changes."""

    def __init__(self, chance: random.Random) -> None:
        self.fault = CALM
        self._chance = chance
        self._listeners: set[Callable[[], None]] = set()
        self._changed = asyncio.Event()

    def change(self, fault: ProxyFault) -> None:
        """Let another fault hold from now on, for open connections too."""
        if fault == self.fault:
            return
        self.fault = fault
        self._changed.set()
        self._changed = asyncio.Event()
        for listener in tuple(self._listeners):
            listener()

    def listen(self, listener: Callable[[], None]) -> None:
        """Be told of changes."""
        self._listeners.add(listener)

    def leave(self, listener: Callable[[], None]) -> None:
        """Be told no more."""
        self._listeners.discard(listener)

    def delay(self) -> float:
        """Seconds that one packet takes longer."""
        fault = self.fault
        delay = fault.latency_s
        if fault.jitter_s:
            delay += self._chance.uniform(0, fault.jitter_s)
        if fault.loss:
            losses = 0
            while losses < MOST_LOSSES and self._chance.uniform(0, 1) < fault.loss:
                delay += RETRANSMIT_S * 2**losses
                losses += 1
        return delay

    async def pass_once(self) -> None:
        """Wait as long as one packet takes; through a partition, until it is over."""
        while self.fault.partition:
            await self._changed.wait()
        if not self.fault.is_calm:
            await asyncio.sleep(self.delay())
