"""The open-loop generator: one request every 1/rate seconds, with a bound on those still unanswered."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator

from infra.lab.shop.exposition import Histogram, labelled
from infra.lab.shop.http_client import Upstream
from infra.lab.shop.http_server import BadRequestError

MAX_IN_FLIGHT = 200
MAX_RATE = 2000.0
CATCH_UP_SECONDS = 1.0
"""After a pause of this process (a laptop's lid, say) the customers of at most this long are made up for."""


class Load:
    """Sends requests at a steady rate, and counts them.

    Attributes:
        rate: requests a second; 0 pauses.
    """

    def __init__(self, shop: Upstream, *, rate: float) -> None:
        self._shop = shop
        self._codes: Counter[str] = Counter(dict.fromkeys(("200", "502", "error"), 0))
        self._durations = Histogram()
        self._open: set[asyncio.Task[None]] = set()
        self._dropped = 0
        self.rate = rate

    async def run(self) -> None:
        """Send until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        try:
            while True:
                if self.rate <= 0:
                    await asyncio.sleep(0.1)
                    due = loop.time()
                    continue
                due = max(due + 1 / self.rate, loop.time() - CATCH_UP_SECONDS)
                await asyncio.sleep(max(0.0, due - loop.time()))
                self._send()
        finally:
            for request in self._open:
                request.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)

    async def wait_until_open(self, *, pause_s: float = 0.05) -> None:
        """Return once the shop has answered its front page well three times in a row."""
        good = 0
        while good < 3:
            good = good + 1 if await self._ask() == "200" else 0
            await asyncio.sleep(pause_s)

    def _send(self) -> None:
        if len(self._open) >= MAX_IN_FLIGHT:
            self._dropped += 1
            return
        request = asyncio.ensure_future(self._visit())
        self._open.add(request)
        request.add_done_callback(self._open.discard)

    async def _visit(self) -> None:
        began = time.perf_counter()
        code = await self._ask()
        self._codes[code] += 1
        self._durations.observe(time.perf_counter() - began)

    async def _ask(self) -> str:
        try:
            status, _ = await self._shop.exchange("/")
        except (OSError, BadRequestError, asyncio.IncompleteReadError):
            return "error"  # counted, not told: customers do not file reports
        return str(status)

    def render(self) -> str:
        """Return the counts as Prometheus text."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield "# HELP load_requests_total Requests sent by the customers; code is error without an answer."
        yield "# TYPE load_requests_total counter"
        for code, count in self._codes.items():
            yield f"load_requests_total{labelled(code=code)} {count}"
        yield "# HELP load_requests_dropped_total Requests not sent because too many were unanswered."
        yield "# TYPE load_requests_dropped_total counter"
        yield f"load_requests_dropped_total {self._dropped}"
        yield "# HELP load_request_duration_seconds Time until the whole answer had arrived, or the failure."
        yield "# TYPE load_request_duration_seconds histogram"
        yield from self._durations.lines("load_request_duration_seconds")
        yield "# TYPE load_requests_in_flight gauge"
        yield f"load_requests_in_flight {len(self._open)}"
        yield "# TYPE load_target_rate gauge"
        yield f"load_target_rate {self.rate:g}"
