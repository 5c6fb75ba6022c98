"""Prefect events, which keep in the Prefect UI what happened beside the runs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from windtunnel.clients.http import shown
from windtunnel.model.errors import PrefectApiError
from windtunnel.redaction import one_line, redact_all

TIMEOUT_S = 3.0


def emit(event: str, *, resource: str, name: str, now: datetime, payload: Mapping[str, Any]) -> None:
    """Add one event, such as windtunnel.halt.pulled, to the feed of the configured Prefect server.

    Raises:
        PrefectApiError: it could not be added.
    """
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectException

    body = {
        "id": str(uuid4()),
        "occurred": now.isoformat(),
        "event": event,
        "resource": {"prefect.resource.id": resource, "prefect.resource.name": name},
        "payload": redact_all(dict(payload)),
    }
    try:
        with get_client(sync_client=True, httpx_settings={"timeout": TIMEOUT_S}) as client:
            client._client.post("/events", json=[body]).raise_for_status()  # noqa: SLF001 - no public call posts one now
    except (httpx.HTTPError, PrefectException, OSError) as error:
        msg = f"the Prefect event {event} could not be added: {one_line(shown(str(error)), 200)}"
        raise PrefectApiError(msg) from error
