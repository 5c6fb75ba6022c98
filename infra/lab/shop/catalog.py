"""catalog: what there is to buy. It needs a warm-up, and says ready before it is warm (see the package)."""

import asyncio
import json
import logging
import time
from collections.abc import Mapping

from infra.lab.shop.http_server import Request, Response
from infra.lab.shop.service import Service, run

LOG = logging.getLogger("shop.catalog")

PRODUCTS = (
    {"name": "Anemometer", "price": "89.00"},
    {"name": "Pitot tube", "price": "34.50"},
    {"name": "Smoke wand", "price": "12.90"},
    {"name": "Honeycomb flow straightener", "price": "240.00"},
)

REPLAY_SECONDS_PER_SECOND = 0.4
"""How long one second's worth of changes since the snapshot takes to replay."""


def warm_up_seconds(*, snapshot_at: float, now: float, limit_s: float) -> float:
    """Return how long a pod started at *now* replays changes since the snapshot, *limit_s* at most.

    >>> warm_up_seconds(snapshot_at=100, now=101, limit_s=6)
    0.4
    >>> warm_up_seconds(snapshot_at=100, now=160, limit_s=6)
    6
    """
    return min(limit_s, max(0.0, now - snapshot_at) * REPLAY_SECONDS_PER_SECOND)


def build(environment: Mapping[str, str]) -> Service:
    """Return the service.

    CATALOG_SNAPSHOT_AT (Unix seconds) is when the snapshot in the image was taken, without it the warm-up is
    as long as it gets; CATALOG_WARM_UP_SECONDS is the longest it gets.
    """
    limit_s = float(environment.get("CATALOG_WARM_UP_SECONDS", "6"))
    seconds = warm_up_seconds(
        snapshot_at=float(environment.get("CATALOG_SNAPSHOT_AT") or 0),
        now=time.time_ns() / 1e9,
        limit_s=limit_s,
    )
    warm = asyncio.Event()
    pod = environment.get("POD_NAME", "catalog")

    async def warm_up() -> None:
        LOG.info("replaying the changes since the last snapshot, %.1fs to go", seconds)
        await asyncio.sleep(seconds)
        warm.set()
        LOG.info("warm")

    async def products(_: Request) -> Response:
        if not warm.is_set():
            return Response(503, b"the catalogue is still being loaded\n")
        body = {"products": PRODUCTS, "served_by": pod}
        return Response(200, json.dumps(body).encode(), "application/json")

    return Service("catalog", {"/products": products}, checks={"/warm": warm.is_set}, background=warm_up)


if __name__ == "__main__":
    run(build)
