"""frontend: the shop's front page, made of the catalogue and the cart."""

import asyncio
import json
from collections.abc import Mapping
from html import escape
from typing import Any

from infra.lab.shop.http_client import Upstream
from infra.lab.shop.http_server import Request, Response
from infra.lab.shop.service import Service, run

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>The wind tunnel shop</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }}
body {{ color: #1c2733 }} ul {{ list-style: none; padding: 0 }} h1 {{ font-size: 1.6rem }}
li {{ display: flex; justify-content: space-between; padding: .6rem 0; border-top: 1px solid #dde3ea }}
.cart {{ background: #f2f6fa; border-radius: .5rem; padding: 1rem }} small {{ color: #6b7a8a }}
</style>
<h1>The wind tunnel shop</h1><ul>{products}</ul>
<p class="cart">Your cart: {items} items, {total} {currency}. Pay by {pay_by}.</p>
<small>frontend {frontend} · catalog {catalog} · checkout {checkout}</small></html>
"""


def render(products: dict[str, Any], cart: dict[str, Any], *, frontend: str) -> str:
    """Return the front page."""
    rows = "".join(
        f"<li><span>{escape(p['name'])}</span><b>€{escape(p['price'])}</b></li>" for p in products["products"]
    )
    return PAGE.format(
        products=rows,
        items=int(cart["items"]),
        total=escape(cart["total"]),
        currency=escape(cart["currency"]),
        pay_by=escape(" or ".join(cart["pay_by"])),
        frontend=escape(frontend),
        catalog=escape(products["served_by"]),
        checkout=escape(cart["served_by"]),
    )


def _upstream(name: str, environment: Mapping[str, str], *, port: int, retries: int) -> Upstream:
    prefix = name.upper()
    return Upstream(
        name,
        environment.get(f"{prefix}_URL", f"http://127.0.0.1:{port}"),
        timeout_s=float(environment.get(f"{prefix}_TIMEOUT_SECONDS", "2")),
        retries=int(environment.get(f"{prefix}_RETRIES", str(retries))),
    )


def build(environment: Mapping[str, str]) -> Service:
    """Return the service; each of CATALOG and CHECKOUT has _URL, _RETRIES and _TIMEOUT_SECONDS."""
    catalog = _upstream("catalog", environment, port=8081, retries=0)
    checkout = _upstream("checkout", environment, port=8082, retries=2)
    pod = environment.get("POD_NAME", "frontend")

    async def front_page(_: Request) -> Response:
        answers = await asyncio.gather(
            catalog.get("/products"), checkout.get("/cart"), return_exceptions=True
        )
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        products, cart = (json.loads(answer) for answer in answers if isinstance(answer, bytes))
        page = render(products, cart, frontend=pod)
        return Response(200, page.encode(), "text/html; charset=utf-8")

    return Service("frontend", {"/": front_page}, upstreams=(catalog, checkout))


if __name__ == "__main__":
    run(build)
