"""Which addresses to scrape: the pods that ask for it, and a few fixed ones."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from infra.lab.client import Api, ApiError

LOG = logging.getLogger("metrics.discovery")

PODS_JOB = "kubernetes-pods"
RELIST_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Target:
    """One address to scrape and the labels its series get; *token* is sent as a bearer token."""

    url: str
    labels: dict[str, str] = field(default_factory=dict)
    token: str = ""

    @property
    def address(self) -> str:
        """Host and port, which is also the value of the label instance."""
        return self.url.split("/")[2]


def target_of(pod: dict[str, Any]) -> Target | None:
    """Return the target of a pod, or None where it does not ask to be scraped or has no process (yet).

    The annotations are the usual ones: prometheus.io/scrape, /port and /path.
    """
    metadata, status = pod["metadata"], pod.get("status", {})
    annotations = metadata.get("annotations") or {}
    address = status.get("podIP")
    if annotations.get("prometheus.io/scrape") != "true" or not address:
        return None
    if status.get("phase") in ("Succeeded", "Failed"):
        return None
    port = annotations.get("prometheus.io/port", "80")
    labels = metadata.get("labels") or {}
    app = labels.get("app.kubernetes.io/name") or labels.get("app") or ""
    return Target(
        url=f"http://{address}:{port}{annotations.get('prometheus.io/path', '/metrics')}",
        labels={
            "job": PODS_JOB,
            "instance": f"{address}:{port}",
            "namespace": metadata["namespace"],
            "pod": metadata["name"],
            **({"app": app} if app else {}),
        },
    )


class PodDiscovery:
    """Follows the cluster's pods and knows the targets of the moment."""

    def __init__(self, api: Api, on_change: Callable[[tuple[Target, ...]], None]) -> None:
        self._api = api
        self._on_change = on_change
        self._targets: dict[str, Target] = {}

    async def follow(self) -> None:
        """List, then watch, for ever; a lost watch is listed anew."""
        import aiohttp

        while True:
            try:
                await self._follow_once()
            except (ApiError, aiohttp.ClientError, TimeoutError) as error:
                LOG.warning("cannot follow the pods, listing them again: %s", error)
            await asyncio.sleep(RELIST_SECONDS)

    async def _follow_once(self) -> None:
        pods = await self._api.get("/api/v1/pods")
        found = ((pod["metadata"]["uid"], target_of(pod)) for pod in pods.get("items", []))
        self._replace({uid: target for uid, target in found if target is not None})
        version = pods["metadata"]["resourceVersion"]
        async for kind, pod in self._api.watch("/api/v1/pods", resource_version=version):
            if kind == "BOOKMARK":
                continue
            target = None if kind == "DELETED" else target_of(pod)
            changed = {k: v for k, v in self._targets.items() if k != pod["metadata"]["uid"]}
            if target is not None:
                changed[pod["metadata"]["uid"]] = target
            self._replace(changed)

    def _replace(self, targets: dict[str, Target]) -> None:
        if targets != self._targets:
            self._targets = targets
            self._on_change(tuple(targets.values()))
