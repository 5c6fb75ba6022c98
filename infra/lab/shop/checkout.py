"""checkout: the cart with the ways to pay. It needs payments, and tries again when a call fails."""

import json
from collections.abc import Mapping

from infra.lab.shop.http_client import Upstream
from infra.lab.shop.http_server import Request, Response
from infra.lab.shop.service import Service, run


def build(environment: Mapping[str, str]) -> Service:
    """Return the service; PAYMENTS_URL, PAYMENTS_RETRIES and PAYMENTS_TIMEOUT_SECONDS are its settings."""
    payments = Upstream(
        "payments",
        environment.get("PAYMENTS_URL", "http://127.0.0.1:8083"),
        timeout_s=float(environment.get("PAYMENTS_TIMEOUT_SECONDS", "1")),
        retries=int(environment.get("PAYMENTS_RETRIES", "2")),
    )
    pod = environment.get("POD_NAME", "checkout")

    async def cart(_: Request) -> Response:
        methods = json.loads(await payments.get("/methods"))["methods"]
        body = {"items": 2, "total": "42.00", "currency": "EUR", "pay_by": methods, "served_by": pod}
        return Response(200, json.dumps(body).encode(), "application/json")

    return Service("checkout", {"/cart": cart}, upstreams=(payments,))


if __name__ == "__main__":
    run(build)
