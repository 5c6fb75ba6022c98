"""Waiting for whichever comes first."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any


async def first_of(*things: "asyncio.Future[Any] | Coroutine[Any, Any, Any]") -> None:
    """Wait until one of several is done. Coroutines are cancelled then; tasks and futures are left alone."""
    ours = [asyncio.ensure_future(thing) for thing in things if asyncio.iscoroutine(thing)]
    others = [thing for thing in things if isinstance(thing, asyncio.Future)]
    try:
        await asyncio.wait([*ours, *others], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in ours:
            task.cancel()


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Do the work, but not past the event."""
    task = asyncio.ensure_future(work)
    await first_of(task, stop.wait())
    if not task.done():
        task.cancel()
    with suppress(asyncio.CancelledError):
        await task
