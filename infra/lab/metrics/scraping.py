"""Scraping with prombed: every target each second, with Prometheus' own bookkeeping (up, staleness)."""

import asyncio
import logging
import math
import ssl
import time

import aiohttp
from prombed import (
    InMemoryStorage,
    LabelMatcher,
    Prombed,
    PrombedError,
    Sample,
    ScrapeTarget,
    ScrapeTargetStatus,
)

from infra.lab.metrics.discovery import Target

LOG = logging.getLogger("metrics.scraping")

RETENTION_MS = 10 * 60_000
MAX_BODY_BYTES = 4 * 1024 * 1024
API_SERVER_METRICS = (
    "apiserver_request_total",
    "apiserver_current_inflight_requests",
    "process_resident_memory_bytes",
)
"""What is kept of an API server, which has thousands of series."""


def milliseconds() -> int:
    """Return the wall time in Unix milliseconds."""
    return time.time_ns() // 1_000_000


class Scraper:
    """Scrapes the fixed and the discovered targets into one store."""

    def __init__(
        self, *, fixed: tuple[Target, ...], interval_s: float = 1.0, ca_file: str | None = None
    ) -> None:
        self.interval_s = interval_s
        self.engine = Prombed(
            retention_ms=RETENTION_MS, scrape_timeout_ms=int(interval_s * 900), fetch=self._fetch
        )
        self._fixed = tuple(map(_scrape_target, fixed))
        self._pods: tuple[ScrapeTarget, ...] = ()
        self._ssl: ssl.SSLContext | bool = ssl.create_default_context(cafile=ca_file) if ca_file else True
        self._session: aiohttp.ClientSession | None = None
        self._failing: set[str] = set()

    @property
    def storage(self) -> InMemoryStorage:
        """The series."""
        return self.engine.storage

    def retarget(self, pods: tuple[Target, ...]) -> None:
        """Scrape *pods* from now on, and mark the series of those that are gone as over."""
        kept = {target.url: target for target in self._pods}
        self._pods = tuple(
            kept[pod.url] if pod.url in kept and kept[pod.url].labels == pod.labels else _scrape_target(pod)
            for pod in pods
        )
        present = {id(target) for target in self._pods}
        for target in kept.values():
            if id(target) not in present:
                self._failing.discard(target.url)
                self._end(target)

    def statuses(self) -> list[ScrapeTargetStatus]:
        """Return how the last scrape of each current target went."""
        current = {(t.url, *sorted(t.labels.items())) for t in self._targets()}
        known = {(s.target.url, *sorted(s.target.labels.items())): s for s in self.engine.targets()}
        return [status for key, status in known.items() if key in current]

    async def run(self) -> None:
        """Scrape until cancelled, at whole multiples of the interval."""
        timeout = aiohttp.ClientTimeout(total=self.interval_s * 0.9)
        loop = asyncio.get_running_loop()
        async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as self._session:
            due = loop.time()
            while True:
                await asyncio.gather(*map(self._scrape, self._targets()))
                due = max(due + self.interval_s, loop.time())
                await asyncio.sleep(due - loop.time())

    def _targets(self) -> tuple[ScrapeTarget, ...]:
        return (*self._fixed, *self._pods)

    async def _scrape(self, target: ScrapeTarget) -> None:
        try:
            await self.engine.scrape_once(target)
            self._failing.discard(target.url)
        except PrombedError as error:
            if target.url not in self._failing:  # once per outage; `up` has the rest
                self._failing.add(target.url)
                LOG.warning("%s", error)
        if target not in self._targets():  # gone while this scrape was under way
            self._end(target)

    async def _fetch(self, url: str, headers: dict[str, str], _timeout: float, max_bytes: int) -> bytes:
        session = self._session
        if session is None:
            msg = "the scraper is not running"
            raise RuntimeError(msg)
        async with session.get(url, headers=headers, ssl=self._ssl) as answer:
            answer.raise_for_status()
            body = bytearray()
            async for chunk in answer.content.iter_any():
                body += chunk
                if len(body) > max_bytes:  # prombed refuses it, by this length
                    break
            return bytes(body)

    def _end(self, target: ScrapeTarget) -> None:
        now = milliseconds()
        appender = self.storage.appender(now)
        matchers = [LabelMatcher(name, "=", target.labels[name]) for name in ("instance", "pod")]
        for series in self.storage.select(matchers):
            if series.samples[-1].stale:
                continue
            try:
                appender.append(series.labels, Sample(now, math.nan, stale=True))
            except PrombedError as error:
                LOG.debug("a scrape of this very millisecond came first: %s", error)
        appender.commit()


def _scrape_target(target: Target) -> ScrapeTarget:
    return ScrapeTarget(
        target.url,
        labels=target.labels,
        headers={"Authorization": f"Bearer {target.token}"} if target.token else {},
        honor_labels=True,
        max_body_bytes=MAX_BODY_BYTES,
        metric_names=API_SERVER_METRICS if target.labels.get("job") == "apiserver" else (),
    )
