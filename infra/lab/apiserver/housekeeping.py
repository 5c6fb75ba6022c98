"""A stand-in for the namespace controllers, so that this server can be developed and tested alone.

The lab runs infra.lab.controllers instead.
"""

import asyncio
from pathlib import Path
from typing import Any

from infra.lab.client import ApiError, InProcessApi

Object = dict[str, Any]

_DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)


async def keep_house(api: InProcessApi, server: Any) -> None:
    """Give every namespace its service account and CA bundle, and empty those that are being deleted."""
    async for kind, namespace in api.watch("/api/v1/namespaces", resource_version="0"):
        if kind in {"DELETED", "BOOKMARK"}:
            continue
        try:
            if "deletionTimestamp" in namespace["metadata"]:
                await _empty(api, server, namespace)
            else:
                await _furnish(api, server, namespace["metadata"]["name"])
        except ApiError as error:
            if error.status not in {404, 409}:
                raise


async def _furnish(api: InProcessApi, server: Any, name: str) -> None:
    path = f"/api/v1/namespaces/{name}"
    bundle = Path(server.settings.ca_file).read_text()
    note = {"kubernetes.io/description": _DESCRIPTION}
    for plural, body in (
        ("serviceaccounts", {"metadata": {"name": "default"}}),
        (
            "configmaps",
            {"metadata": {"name": "kube-root-ca.crt", "annotations": note}, "data": {"ca.crt": bundle}},
        ),
    ):
        try:
            await api.post(f"{path}/{plural}", body)
        except ApiError as error:
            if error.status != 409:
                raise


async def _empty(api: InProcessApi, server: Any, namespace: Object) -> None:
    name = namespace["metadata"]["name"]
    for resource in list(server.registry):
        if resource.namespaced and resource.stored and "deletecollection" in resource.verbs:
            await api.delete(resource.api_path(name), {"gracePeriodSeconds": 0})
    await asyncio.sleep(0)
    left = [
        one
        for one in server.registry
        if one.namespaced and one.stored and (await api.get(one.api_path(name)))["items"]
    ]
    if not left and "finalizers" in namespace["spec"]:
        await api.put(f"/api/v1/namespaces/{name}/finalize", {**namespace, "spec": {}})
