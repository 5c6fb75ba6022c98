"""List, then watch, for ever: how the node agent keeps up with a collection, past errors and restarts."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from infra.lab.client import Api, ApiError

Object = dict[str, Any]
LOG = logging.getLogger("lab.node.following")

CONNECTION_ERRORS = (aiohttp.ClientError, TimeoutError, ConnectionError)
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0


async def follow(api: Api, path: str) -> AsyncIterator[tuple[str, Any]]:
    """Yield ``("LISTED", objects)`` for a whole collection, then its changes; lists anew when it lost track.

    The watch goes on from the last version seen when the stream merely ends. Errors are logged and retried:
    an API server that is away is a state of the cluster, not an end of the node.
    """
    pause = FIRST_PAUSE_S
    version = ""
    while True:
        try:
            if not version:
                listing = await api.get(path)
                version = listing["metadata"]["resourceVersion"]
                yield "LISTED", listing["items"]
            async for kind, item in api.watch(path, resource_version=version, allowWatchBookmarks="true"):
                version = item["metadata"]["resourceVersion"]
                pause = FIRST_PAUSE_S
                if kind in ("ADDED", "MODIFIED", "DELETED"):
                    yield kind, item
        except ApiError as error:
            LOG.info("lost track of %s, listing again: %s", path, error)
            version = ""
        except CONNECTION_ERRORS as error:
            LOG.info("API server does not answer for %s, trying again in %.1f s: %r", path, pause, error)
        await asyncio.sleep(pause)
        pause = min(LONGEST_PAUSE_S, pause * 2)
