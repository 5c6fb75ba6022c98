"""payments: says how a customer may pay. It depends on nothing."""

import json
from collections.abc import Mapping

from infra.lab.shop.http_server import Request, Response
from infra.lab.shop.service import Service, run

METHODS = ("card", "transfer", "voucher")


async def _methods(_: Request) -> Response:
    return Response(200, json.dumps({"methods": METHODS}).encode(), "application/json")


def build(_: Mapping[str, str]) -> Service:
    """Return the service."""
    return Service("payments", {"/methods": _methods})


if __name__ == "__main__":
    run(build)
