"""Open incidents in PagerDuty, by its official client."""

import os
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from windtunnel.model.declaration import instant
from windtunnel.model.errors import SourceError
from windtunnel.model.rule_sources import PagerDuty

TOKEN = "PAGERDUTY_TOKEN"  # noqa: S105 - the name of a variable
URL = "PAGERDUTY_API_URL"
MOST = 1000


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
        return f"#{self.number} {self.title[:80]} ({self.service}, {self.urgency} urgency)"


def open_incidents(source: PagerDuty, *, timeout_s: float) -> tuple[OpenIncident, ...]:
    """Return every open incident of the services and urgencies of *source*, of all pages.

    Raises:
        SourceError: there is no token, or PagerDuty could not be asked.
    """
    import pagerduty
    import requests

    token = os.environ.get(TOKEN, "").strip()
    if not token:
        msg = f"PagerDuty cannot be asked without a token; set {TOKEN}"
        raise SourceError(msg)
    try:
        client = pagerduty.RestApiV2Client(token)
        client.url = os.environ.get(URL, "").strip() or client.url
        client.timeout = round(timeout_s)
        client.max_http_attempts = 1  # the look is bounded; who asks again asks with a new look
        client.max_network_attempts = 1
        asked = {
            "statuses[]": ["triggered", "acknowledged"],
            "service_ids[]": list(source.services),
            "urgencies[]": list(source.urgencies),
            "date_range": "all",
        }
        found = []
        for entry in client.iter_all("incidents", params=asked):
            found.append(_incident(entry))
            if len(found) >= MOST:
                break
        return tuple(found)
    except (pagerduty.Error, requests.RequestException, ValueError, KeyError, TypeError) as error:
        cause = " ".join(str(error).split())[:300].replace(token, "***") or type(error).__name__
        msg = f"PagerDuty at {os.environ.get(URL, '') or 'its API'}: {cause}"
        raise SourceError(msg) from None  # its chain may hold the request with the token


def _incident(entry: dict[str, Any]) -> OpenIncident:
    return OpenIncident(
        number=int(entry["incident_number"]),
        title=" ".join(str(entry.get("title") or "without a title").split()),
        service=str((entry.get("service") or {}).get("summary") or "no service"),
        urgency=str(entry.get("urgency", "unknown")),
        since=instant(str(entry.get("created_at", ""))),
        link=str(entry.get("html_url") or ""),
    )
