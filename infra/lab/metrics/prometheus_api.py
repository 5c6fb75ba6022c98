"""Prometheus' HTTP API over the embedded engine."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from prombed import ScrapeTargetStatus
from starlette.applications import Starlette
from starlette.datastructures import ImmutableMultiDict
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from infra.lab.metrics.promql import Queries, QueryError, parse_step, parse_time
from infra.lab.metrics.scraping import Scraper, milliseconds

Parameters = ImmutableMultiDict[str, Any]
Answer = Callable[[Parameters], Awaitable[Any]]

FOREVER_MS = 2**62
LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
INDEX = """<!doctype html><html lang="en"><meta charset="utf-8"><title>The lab's Prometheus</title>
<body style="font:16px/1.5 system-ui;max-width:40rem;margin:3rem auto"><h1>The lab's Prometheus</h1>
<p>This is the embedded engine. It speaks Prometheus' HTTP API:
<a href="/api/v1/targets">targets</a>, <a href="/api/v1/labels">labels</a>,
<a href="/api/v1/query?query=up">a query</a>.</p>
<p><code>windtunnel lab up --prometheus real</code>
runs a full Prometheus where one is installed.</p></html>"""


class PrometheusApi:
    """One handler per endpoint; each takes the parameters of GET or of a POSTed form."""

    def __init__(self, scraper: Scraper) -> None:
        self._scraper = scraper
        self._queries = Queries(scraper.storage)

    def app(self) -> Starlette:
        """Return the ASGI application."""
        both = ["GET", "POST"]
        return Starlette(
            routes=[
                Route("/", _index),
                Route("/-/healthy", _plain("Prometheus Server is Healthy.\n")),
                Route("/-/ready", _plain("Prometheus Server is Ready.\n")),
                Route("/api/v1/query", _enveloped(self.query), methods=both),
                Route("/api/v1/query_range", _enveloped(self.query_range), methods=both),
                Route("/api/v1/series", _enveloped(self.series), methods=both),
                Route("/api/v1/labels", _enveloped(self.labels), methods=both),
                Route("/api/v1/label/{name}/values", _enveloped(self.label_values)),
                Route("/api/v1/targets", _enveloped(self.targets)),
                Route("/api/v1/status/buildinfo", _enveloped(self.build)),
                Route("/api/v1/metadata", _enveloped(_nothing({}))),
                Route("/api/v1/rules", _enveloped(_nothing({"groups": []}))),
                Route("/api/v1/alerts", _enveloped(_nothing({"alerts": []}))),
            ]
        )

    async def query(self, given: Parameters) -> dict[str, Any]:
        """Evaluate at one moment."""
        at_ms = parse_time("time", given["time"]) if given.get("time") else milliseconds()
        return await asyncio.to_thread(self._queries.instant, given.get("query", ""), at_ms)

    async def query_range(self, given: Parameters) -> dict[str, Any]:
        """Evaluate at every step of a range."""
        return await asyncio.to_thread(
            self._queries.range,
            given.get("query", ""),
            start_ms=parse_time("start", given.get("start", "")),
            end_ms=parse_time("end", given.get("end", "")),
            step_ms=parse_step(given.get("step", "")),
        )

    async def series(self, given: Parameters) -> list[dict[str, str]]:
        """List the label sets of the series that match."""
        if not given.getlist("match[]"):
            msg = "no match[] parameter provided"
            raise QueryError(msg)
        return self._matching(given)

    async def labels(self, given: Parameters) -> list[str]:
        """List the names of labels."""
        return sorted({name for labels in self._matching(given) for name in labels})

    async def label_values(self, given: Parameters) -> list[str]:
        """List the values of one label."""
        name = given["name"]
        if not LABEL_NAME.fullmatch(name):
            msg = f'invalid label name: "{name}"'
            raise QueryError(msg)
        return sorted({labels[name] for labels in self._matching(given) if name in labels})

    async def targets(self, _: Parameters) -> dict[str, Any]:
        """Say what is scraped and how that went."""
        active = [_active_target(status, self._scraper.interval_s) for status in self._scraper.statuses()]
        return {"activeTargets": active, "droppedTargets": [], "droppedTargetCounts": {}}

    async def build(self, _: Parameters) -> dict[str, str]:
        """Say what answers here."""
        empty = dict.fromkeys(("buildDate", "goVersion"), "")
        return {"version": "0.1.0", "revision": "prombed", "branch": "embedded", "buildUser": "lab", **empty}

    def _matching(self, given: Parameters) -> list[dict[str, str]]:
        start = parse_time("start", given["start"]) if given.get("start") else 0
        end = parse_time("end", given["end"]) if given.get("end") else FOREVER_MS
        return self._queries.series(given.getlist("match[]"), start_ms=start, end_ms=end)


def _enveloped(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        pairs = list(request.query_params.multi_items())
        if request.method == "POST":
            pairs += parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
        pairs += request.path_params.items()
        try:
            return JSONResponse({"status": "success", "data": await answer(ImmutableMultiDict(pairs))})
        except QueryError as error:
            body = {"status": "error", "errorType": error.kind, "error": str(error)}
            return JSONResponse(body, 400 if error.kind == "bad_data" else 422)

    return endpoint


def _nothing(data: dict[str, Any]) -> Answer:
    async def answer(_: Parameters) -> dict[str, Any]:
        return data

    return answer


def _plain(text: str) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(_: Request) -> Response:
        return PlainTextResponse(text)

    return endpoint


async def _index(_: Request) -> Response:
    return HTMLResponse(INDEX)


def _active_target(status: ScrapeTargetStatus, interval_s: float) -> dict[str, Any]:
    target = status.target
    scraped = datetime.fromtimestamp((status.last_scrape or 0) / 1000, UTC).isoformat().replace("+00:00", "Z")
    job = target.labels.get("job", "")
    return {
        "discoveredLabels": {"__address__": target.url.split("/")[2], "job": job},
        "labels": target.labels,
        "scrapePool": job,
        "scrapeUrl": target.url,
        "globalUrl": target.url,
        "lastError": status.last_error or "",
        "lastScrape": scraped,
        "lastScrapeDuration": (status.last_scrape_duration_ms or 0) / 1000,
        "health": status.health,
        "scrapeInterval": f"{interval_s:g}s",
        "scrapeTimeout": f"{interval_s * 900:g}ms",
    }
