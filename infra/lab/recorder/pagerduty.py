"""PagerDuty: Events API v2 in, incidents out."""

from itertools import count
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.lab.apiserver import clock
from infra.lab.recorder.memory import Json, Memory
from infra.lab.recorder.refusals import Refusals

_NUMBERS = count(1)
SEVERITIES = ("critical", "error", "warning", "info")
ACTIONS = {"trigger": "triggered", "acknowledge": "acknowledged", "resolve": "resolved"}


def event_problems(event: Any) -> list[str]:
    """Return what the Events API would say against *event*; nothing if all is well."""
    if not isinstance(event, dict):
        return ["Event object must be a JSON object"]
    found = []
    if not isinstance(event.get("routing_key"), str) or len(event["routing_key"]) != 32:
        found.append("'routing_key' is missing or is not 32 characters long")
    action = event.get("event_action")
    if action not in ACTIONS:
        found.append(f"'event_action' is invalid (must be one of {', '.join(ACTIONS)})")
    if action in ("acknowledge", "resolve") and not event.get("dedup_key"):
        found.append(f"'dedup_key' is missing or blank for action {action}")
    if action == "trigger":
        given = event.get("payload")
        payload: Json = given if isinstance(given, dict) else {}
        found += [
            f"'payload.{name}' is missing or blank" for name in ("summary", "source") if not payload.get(name)
        ]
        if payload.get("severity") not in SEVERITIES:
            found.append(f"'payload.severity' is invalid (must be one of {', '.join(SEVERITIES)})")
    return found


class PagerDuty:
    """The endpoints."""

    def __init__(self, memory: Memory, refusals: Refusals) -> None:
        self._memory = memory
        self._refusals = refusals

    def routes(self) -> list[Route]:
        """Return them."""
        return [
            Route("/pagerduty/v2/enqueue", self.enqueue, methods=["POST"]),
            Route("/pagerduty/incidents", self.incidents, methods=["GET"]),
            Route("/pagerduty/incidents", self.create, methods=["POST"]),
            Route("/pagerduty/incidents/{ident}", self.incident, methods=["GET", "PUT"]),
        ]

    async def enqueue(self, request: Request) -> Response:
        """Take an event."""
        refusal = await self._refusals.answer("pagerduty")
        if refusal is not None:
            return refusal
        event = await _json(request)
        against = event_problems(event)
        if against:
            body = {"status": "invalid event", "message": "Event object is invalid", "errors": against}
            return JSONResponse(body, 400)
        key = event.get("dedup_key") or uuid4().hex
        self._memory.pagerduty_events.append({**event, "dedup_key": key, "received_at": _now()})
        self._follow(event, key)
        self._memory.changed()
        return JSONResponse({"status": "success", "message": "Event processed", "dedup_key": key}, 202)

    async def incidents(self, request: Request) -> Response:
        """List incidents, filtered as the REST API filters them."""
        refused = await self._refuse_rest(request)
        if refused is not None:
            return refused
        asked = request.query_params
        statuses, services = asked.getlist("statuses[]"), asked.getlist("service_ids[]")
        urgencies = asked.getlist("urgencies[]")
        found = [
            incident
            for incident in self._memory.incidents.values()
            if (not statuses or incident["status"] in statuses)
            and (not services or incident["service"]["id"] in services)
            and (not urgencies or incident["urgency"] in urgencies)
        ]
        limit, offset = _number(asked.get("limit", ""), 25), _number(asked.get("offset", ""), 0)
        page = found[offset : offset + limit]
        more = len(found) > offset + limit
        return JSONResponse(
            {"incidents": page, "limit": limit, "offset": offset, "total": None, "more": more}
        )

    async def create(self, request: Request) -> Response:
        """Open an incident by REST."""
        refused = await self._refuse_rest(request)
        if refused is not None:
            return refused
        given = (await _json(request) or {}).get("incident") or {}
        if not given.get("title") or not (given.get("service") or {}).get("id"):
            errors = ["Title cannot be empty.", "Service cannot be empty."]
            error = {"message": "Invalid Input Provided", "code": 2001, "errors": errors}
            return JSONResponse({"error": error}, 400)
        incident = _incident(
            given["title"], service=given["service"]["id"], urgency=given.get("urgency", "high")
        )
        self._memory.incidents[incident["id"]] = incident
        self._memory.changed()
        return JSONResponse({"incident": incident}, 201)

    async def incident(self, request: Request) -> Response:
        """Show one incident, or change its status."""
        refused = await self._refuse_rest(request)
        if refused is not None:
            return refused
        incident = self._memory.incidents.get(request.path_params["ident"])
        if incident is None:
            return JSONResponse({"error": {"message": "Not Found", "code": 2100}}, 404)
        if request.method == "PUT":
            status = ((await _json(request) or {}).get("incident") or {}).get("status")
            if status in ACTIONS.values():
                incident["status"] = status
            self._memory.changed()
        return JSONResponse({"incident": incident})

    async def _refuse_rest(self, request: Request) -> Response | None:
        if not request.headers.get("authorization", "").startswith("Token token="):
            return Response("HTTP Token: Access denied.", 401)
        return await self._refusals.answer("pagerduty")

    def _follow(self, event: Json, key: str) -> None:
        incident = next((i for i in self._memory.incidents.values() if i["incident_key"] == key), None)
        open_one = incident is not None and incident["status"] != "resolved"
        if event["event_action"] == "trigger" and not open_one:
            severity = event["payload"]["severity"]
            urgency = "high" if severity in ("critical", "error") else "low"
            fresh = _incident(event["payload"]["summary"], service="PLAB001", urgency=urgency, key=key)
            self._memory.incidents[fresh["id"]] = fresh
        elif incident is not None and open_one and event["event_action"] != "trigger":
            incident["status"] = ACTIONS[event["event_action"]]


def _incident(title: str, *, service: str, urgency: str, key: str = "") -> Json:
    ident = "Q" + uuid4().hex[:13].upper()
    return {
        "id": ident,
        "incident_number": next(_NUMBERS),
        "type": "incident",
        "summary": title,
        "title": title,
        "status": "triggered",
        "urgency": urgency,
        "incident_key": key or uuid4().hex,
        "created_at": _now(),
        "service": {"id": service, "type": "service_reference", "summary": service},
        "html_url": f"https://lab.pagerduty.test/incidents/{ident}",
    }


def _number(text: str, default: int) -> int:
    return int(text) if text.isdigit() else default


def _now() -> str:
    return clock.timestamp()


async def _json(request: Request) -> Any:
    try:
        return await request.json()
    except ValueError:
        return None
