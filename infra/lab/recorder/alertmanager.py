"""Alertmanager's API v2: alerts in, alerts out, status."""

import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from infra.lab.apiserver import clock
from infra.lab.recorder.memory import Json, Memory
from infra.lab.recorder.refusals import Refusals

RESOLVE_AFTER = timedelta(minutes=5)
MATCHER = re.compile(r'^\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"?(.*?)"?\s*$')


def matches(filters: list[str], labels: dict[str, str]) -> bool:
    """Say whether *labels* satisfy every matcher, such as ``severity="critical"`` or ``team=~"pay.*"``.

    Raises:
        ValueError: a matcher is none; the text is what Alertmanager says.
    """
    verdicts = [_matches(text, labels) for text in filters]  # all of them: a bad one is an error in any case
    return all(verdicts)


def _matches(text: str, labels: dict[str, str]) -> bool:
    found = MATCHER.match(text)
    if found is None:
        msg = f"bad matcher format: {text}"
        raise ValueError(msg)
    name, operator, value = found.groups()
    actual = labels.get(name, "")
    if operator in ("=", "!="):
        return (actual == value) == (operator == "=")
    try:
        return (re.fullmatch(value, actual) is not None) == (operator == "=~")
    except re.error as error:
        msg = f"bad matcher format: {text}: {error}"
        raise ValueError(msg) from error


class Alertmanager:
    """The endpoints."""

    def __init__(self, memory: Memory, refusals: Refusals) -> None:
        self._memory = memory
        self._refusals = refusals
        self._started = clock.timestamp()

    def routes(self) -> list[Route]:
        """Return them."""
        return [
            Route("/alertmanager/api/v2/alerts", self.list, methods=["GET"]),
            Route("/alertmanager/api/v2/alerts", self.post, methods=["POST"]),
            Route("/alertmanager/api/v2/status", self.status),
            Route("/alertmanager/api/v2/silences", self.silences),
            Route("/alertmanager/-/healthy", self.healthy),
            Route("/alertmanager/-/ready", self.healthy),
        ]

    async def list(self, request: Request) -> Response:
        """List the alerts that fire and match."""
        refusal = await self._refusals.answer("alertmanager")
        if refusal is not None:
            return refusal
        asked = request.query_params
        if asked.get("active", "true") == "false":
            return JSONResponse([])
        filters, now = asked.getlist("filter"), clock.now()
        try:
            matches(filters, {})  # a bad matcher is an error also where nothing fires
        except ValueError as error:
            return JSONResponse(str(error), 400)
        firing = [alert for alert in self._memory.alerts.values() if _moment(alert["endsAt"]) > now]
        return JSONResponse([alert for alert in firing if matches(filters, alert["labels"])])

    async def post(self, request: Request) -> Response:
        """Take alerts."""
        refusal = await self._refusals.answer("alertmanager")
        if refusal is not None:
            return refusal
        try:
            given = await request.json()
            alerts = [_alert(item) for item in given]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return JSONResponse({"code": 400, "message": f"parsing alerts body failed: {error}"}, 400)
        for alert in alerts:
            known = self._memory.alerts.get(alert["fingerprint"])
            if known is not None and _moment(known["endsAt"]) > clock.now():
                alert["startsAt"] = known["startsAt"]
            self._memory.alerts[alert["fingerprint"]] = alert
        self._memory.changed()
        return Response(status_code=200)

    async def status(self, _: Request) -> Response:
        """Say that all is well."""
        body = {
            "cluster": {"name": "lab", "status": "ready", "peers": []},
            "config": {"original": "route:\n  receiver: lab\nreceivers:\n- name: lab\n"},
            "uptime": self._started,
            "versionInfo": {"version": "0.27.0", "revision": "recorder", "branch": "lab"},
        }
        return JSONResponse(body)

    async def silences(self, _: Request) -> Response:
        """There are none."""
        return JSONResponse([])

    async def healthy(self, _: Request) -> Response:
        """Say so."""
        return PlainTextResponse("OK")


def _alert(given: Any) -> Json:
    labels = {str(name): str(value) for name, value in given["labels"].items() if str(value)}
    if not labels:
        msg = "at least one label pair required"
        raise ValueError(msg)
    now = clock.now()
    starts = _moment(given["startsAt"]) if given.get("startsAt") else now
    ends = _moment(given["endsAt"]) if given.get("endsAt") else now + RESOLVE_AFTER
    digest = hashlib.sha256(repr(sorted(labels.items())).encode()).hexdigest()
    return {
        "labels": labels,
        "annotations": {str(k): str(v) for k, v in (given.get("annotations") or {}).items()},
        "startsAt": _text(starts),
        "endsAt": _text(ends),
        "updatedAt": _text(now),
        "generatorURL": str(given.get("generatorURL", "")),
        "fingerprint": digest[:16],
        "receivers": [{"name": "lab"}],
        "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
    }


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        msg = f"time without a zone: {text!r}"
        raise ValueError(msg)
    return moment.astimezone(UTC)


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
