"""Open incidents in PagerDuty, by its official client."""

import os
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from windtunnel.clients.http import shown
from windtunnel.model.declaration import instant
from windtunnel.model.errors import SourceError
from windtunnel.model.rule_sources import PagerDuty
from windtunnel.redaction import learn, one_line

TOKEN = "PAGERDUTY_TOKEN"  # noqa: S105 - the name of a variable
URL = "PAGERDUTY_API_URL"
MOST = 1000  # one is enough to refuse
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_TOO_MANY = 429
_ADVICE = {
    401: f"; {TOKEN} holds no valid token",
    403: f"; the token in {TOKEN} may not read incidents",
    429: "; it was asked too often",
}


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """One incident that is triggered or acknowledged."""

    number: int
    title: str
    service: str
    urgency: str
    since: datetime | None
    link: str = ""

    def __str__(self) -> str:
        return f"#{self.number} {one_line(self.title, 80)} ({self.service}, {self.urgency} urgency)"


def open_incidents(source: PagerDuty, *, timeout_s: float) -> tuple[OpenIncident, ...]:
    """Return every open incident of the services and urgencies of *source*, of all pages.

    Raises:
        SourceError: there is no token, or PagerDuty could not be asked.
    """
    import httpx2  # what the official client sends with
    import pagerduty

    token = os.environ.get(TOKEN, "").strip()
    if not token:
        msg = f"PagerDuty cannot be asked without a token; set {TOKEN}"
        raise SourceError(msg)
    learn(token)
    url = os.environ.get(URL, "").strip().rstrip("/")
    where = f"PagerDuty at {shown(url or 'its API')}"
    try:
        local = _is_loopback(url)
        # to this very machine no proxy is asked, which would carry the token
        with pagerduty.RestApiV2Client(token, trust_env=not local) as client:
            if local:
                client._url = url  # noqa: SLF001 - the client takes https alone, so that no wire sees the token
            elif url:
                client.url = url
            return _open(client, source, timeout_s)
    except pagerduty.HttpError as error:
        status = error.response.status_code if error.response is not None else 0
        msg = f"{where} answered {status}{_ADVICE.get(status, '')}"
    except (pagerduty.Error, pagerduty.UrlError, httpx2.HTTPError, httpx2.InvalidURL) as error:
        cause = one_line(str(error), 300)
        msg = f"{where} could not be asked: {cause or type(error).__name__}"
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{where}: the answer is not one of PagerDuty ({type(error).__name__})"
    raise SourceError(msg) from None  # a chain may hold the request with the token


def _is_loopback(url: str) -> bool:
    """Say whether *url* is plain HTTP to this machine: the lab's recorder, or a test."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname in _LOOPBACK


def _open(client: Any, source: PagerDuty, timeout_s: float) -> tuple[OpenIncident, ...]:
    """List with bounded patience: without these settings the client waits for ever where it is throttled."""
    client.timeout = timeout_s
    client.max_network_attempts = 0  # who asks again asks with a new look
    client.retry = {_TOO_MANY: 1}
    client.sleep_timer = 0.25
    asked = {
        "statuses[]": ["triggered", "acknowledged"],
        "service_ids[]": list(source.services),
        "urgencies[]": list(source.urgencies),
        "date_range": "all",
    }
    return tuple(_incident(entry) for entry in islice(client.iter_all("incidents", params=asked), MOST))


def _incident(entry: dict[str, Any]) -> OpenIncident:
    return OpenIncident(
        number=int(entry["incident_number"]),
        title=" ".join(str(entry.get("title") or "without a title").split()),
        service=str((entry.get("service") or {}).get("summary") or "no service"),
        urgency=str(entry.get("urgency", "unknown")),
        since=instant(str(entry.get("created_at", ""))),
        link=str(entry.get("html_url") or ""),
    )
