"""A grace period that may become shorter while it runs."""

import asyncio


class Deadline:
    """A moment on the event loop's clock, and the wait for it."""

    def __init__(self, seconds: float) -> None:
        self._at = asyncio.get_running_loop().time() + seconds
        self._moved = asyncio.Event()

    def shorten(self, seconds: float) -> None:
        """Let it pass in this many seconds, if that is earlier."""
        at = asyncio.get_running_loop().time() + seconds
        if at < self._at:
            self._at = at
            self._moved.set()

    async def passed(self) -> None:
        """Wait for it."""
        while (left := self._at - asyncio.get_running_loop().time()) > 0:
            self._moved.clear()
            try:
                await asyncio.wait_for(self._moved.wait(), left)
            except TimeoutError:
                return
