"""Calling somebody through PagerDuty's Events API v2, by its official client."""

import logging
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from windtunnel.clients.http import shown
from windtunnel.model.errors import NotifyError
from windtunnel.redaction import learn, one_line, redact_all

KEY = "PAGERDUTY_ROUTING_KEY"
URL = "PAGERDUTY_EVENTS_URL"
TIMEOUT_S = 5
PAUSE_S = 0.5  # twice as long lies between the two tries
_TOO_MANY, _BROKEN = 429, 500  # HTTP statuses, and all above the last
_LONGEST = 1024  # characters of a summary that PagerDuty takes
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def can_page() -> bool:
    """Say whether there is a routing key to page with."""
    return bool(os.environ.get(KEY, "").strip())


def page(*, summary: str, source: str, dedup_key: str, details: Mapping[str, Any]) -> None:
    """Open an incident, or add to the one of the same *dedup_key*.

    Raises:
        NotifyError: there is no routing key, or PagerDuty does not take it.
    """
    _send(
        "trigger",
        dedup_key,
        payload={
            "summary": one_line(summary, _LONGEST),
            "source": source or "windtunnel",
            "severity": "critical",
            "custom_details": redact_all(dict(details)),
        },
    )


def resolve(dedup_key: str) -> None:
    """Close the incident of *dedup_key*.

    Raises:
        NotifyError: there is no routing key, or PagerDuty does not take it.
    """
    _send("resolve", dedup_key)


def try_out() -> None:
    """Find out whether events are taken, by closing an incident that never was: nobody is called.

    Raises:
        NotifyError: there is no routing key, or PagerDuty does not take it.
    """
    resolve("windtunnel-doctor")


def _send(action: str, dedup_key: str, **properties: Any) -> None:
    import httpx2  # what the official client sends with
    import pagerduty

    key = os.environ.get(KEY, "").strip()
    if not key:
        msg = f"nobody can be paged without a routing key; set {KEY}"
        raise NotifyError(msg)
    learn(key)
    url = os.environ.get(URL, "").strip().rstrip("/")
    where = f"PagerDuty at {shown(url or 'its Events API')}"
    local = _is_loopback(url)
    try:
        # to this very machine no proxy is asked, which would carry the key
        with pagerduty.EventsApiV2Client(key, trust_env=not local) as client:
            if local:
                client._url = url  # noqa: SLF001 - the client takes https alone, so that no wire sees the key
            elif url:
                client.url = url
            logging.getLogger("pagerduty.api_client").disabled = True  # what fails is raised, and said once
            client.timeout = TIMEOUT_S
            client.max_network_attempts = 1
            client.max_http_attempts = 2
            client.sleep_timer = PAUSE_S
            client.retry = {429: 1, 500: 1, 502: 1, 503: 1}
            client.send_event(action, dedup_key, **properties)
    except pagerduty.HttpError as error:
        status = error.response.status_code if error.response is not None else 0
        msg = f"{where} answered {status}{_advice(status)}"
    except (pagerduty.Error, pagerduty.UrlError, httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        cause = one_line(str(error), 300)
        msg = f"{where} could not be told: {cause or type(error).__name__}"
    else:
        return
    raise NotifyError(msg) from None  # a chain may hold the request with the key


def _advice(status: int) -> str:
    """Say what is to be done about an answer, as the rest of a sentence."""
    if status == _TOO_MANY:
        return ": it takes no more events for the moment"
    if status >= _BROKEN:
        return ": it is in trouble itself"
    return f"; check {KEY} and {URL}"


def _is_loopback(url: str) -> bool:
    """Say whether *url* is plain HTTP to this machine: the lab's recorder, or a test."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname in _LOOPBACK
