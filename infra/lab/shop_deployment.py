"""Puts the shop on the cluster: the manifests, applied through the API like any user's, and the wait."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Any

from infra.lab.client import Api, ApiError
from infra.lab.shop.http_client import Upstream
from infra.lab.shop.http_server import BadRequestError

MANIFESTS = Path(__file__).parent / "manifests"
COLLECTIONS = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts",
    "Service": "/api/v1/namespaces/{namespace}/services",
    "Deployment": "/apis/apps/v1/namespaces/{namespace}/deployments",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets",
}
GOOD_PAGES_IN_A_ROW = 10
POLL_SECONDS = 0.03


def manifests(prefix: str, *, replicas: int) -> Iterator[dict[str, Any]]:
    """Yield the objects of the lab, for the network *prefix* (such as 127.64)."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    values = {"NET": prefix, "REPLICAS": str(replicas), "SNAPSHOT_AT": f"{time.time_ns() / 1e9:.3f}"}
    for file in sorted(MANIFESTS.glob("*.yaml")):
        text = Template(file.read_text(encoding="utf-8")).substitute(values)
        yield from yaml.load_all(text, Loader=loader)


async def apply(api: Api, objects: Iterator[dict[str, Any]]) -> None:
    """Create *objects*; one that is there already is left as it is."""
    for item in objects:
        path = COLLECTIONS[item["kind"]].format(namespace=item["metadata"].get("namespace", ""))
        try:
            await api.post(path, item)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise


async def not_ready(api: Api) -> list[str]:
    """Return one line for each deployment of the shop that lacks ready pods."""
    lacking = []
    for item in (await api.get("/apis/apps/v1/namespaces/shop/deployments"))["items"]:
        wanted, ready = item["spec"]["replicas"], item.get("status", {}).get("readyReplicas", 0)
        if ready < wanted:
            lacking.append(f"{item['metadata']['name']} has {ready} of {wanted} pods ready")
    return lacking


async def wait_until_open(api: Api, shop: str) -> None:
    """Return once every deployment is ready and the front page is good, again and again."""
    while await not_ready(api):  # noqa: ASYNC110 - a watch would be longer, and not faster
        await asyncio.sleep(POLL_SECONDS)
    customer = Upstream("shop", shop)
    good = 0
    while good < GOOD_PAGES_IN_A_ROW:
        try:
            status, _ = await customer.exchange("/", fresh=True)
        except (OSError, BadRequestError, asyncio.IncompleteReadError):
            status = 0
        good = good + 1 if status == 200 else 0
        await asyncio.sleep(0 if good else POLL_SECONDS)
    await customer.close()
