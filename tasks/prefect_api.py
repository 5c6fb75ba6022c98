"""The configured Prefect API, asked with little patience and clear errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from windtunnel.clients.http import shown
from windtunnel.model.errors import PrefectApiError
from windtunnel.redaction import one_line

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

TIMEOUT_S = 3.0


@contextmanager
def asking(doing: str, timeout_s: float = TIMEOUT_S) -> "Iterator[SyncPrefectClient]":
    """Give a client of the configured Prefect API; one that Prefect starts by itself is of no use."""
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectException
    from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    where = PREFECT_API_URL.value()
    if not where:
        msg = f"{doing}: no Prefect API is configured; set PREFECT_API_URL, or use `windtunnel server up`"
        raise PrefectApiError(msg)
    try:
        with (
            temporary_settings(
                {PREFECT_CLIENT_MAX_RETRIES: 0}
            ),  # who asks, asks again with a look of its own
            get_client(sync_client=True, httpx_settings={"timeout": timeout_s}) as client,
        ):
            yield client
    except (httpx.HTTPError, PrefectException, OSError, ValueError) as error:
        cause = one_line(shown(str(error)), 200) or type(error).__name__
        msg = f"{doing} at {shown(where)}: {cause}"
        raise PrefectApiError(msg) from error
