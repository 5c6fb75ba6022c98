"""Bad days on request: the next calls of a service are refused, or answered late."""

import asyncio
from dataclasses import asdict, dataclass
from typing import Any

from starlette.responses import JSONResponse, Response

SERVICES = ("slack", "pagerduty", "alertmanager")
MAX_DELAY_SECONDS = 120.0


@dataclass(slots=True)
class Refusal:
    """How to refuse.

    Attributes:
        left: calls still to refuse; -1 means all of them.
        status: the HTTP status; 200 lets the call through (after *delay*) unless *error* is given.
        error: for Slack, the error of an ``ok: false`` answer.
        retry_after: seconds for the header Retry-After; 0 sends none.
        delay: seconds to wait before answering.
    """

    left: int
    status: int = 500
    error: str = ""
    retry_after: float = 0.0
    delay: float = 0.0


class KnobError(Exception):
    """The body of POST /fail makes no sense; the text says what would."""


class Refusals:
    """The knobs, by service."""

    def __init__(self) -> None:
        self._by_service: dict[str, Refusal] = {}

    def clear(self) -> None:
        """Refuse nothing any more."""
        self._by_service.clear()

    def document(self) -> dict[str, Any]:
        """Return what is still to be refused."""
        return {service: asdict(refusal) for service, refusal in self._by_service.items() if refusal.left}

    def set(self, body: Any) -> None:
        """Take a POST /fail body.

        Raises:
            KnobError: it names no service, or a value is of the wrong kind.
        """
        known = {*SERVICES, "status", "error", "retry_after", "delay"}
        if not isinstance(body, dict) or set(body) - known or not set(body) & set(SERVICES):
            msg = f'say {{"slack": 3, "status": 429, "retry_after": 1}}; keys are {", ".join(sorted(known))}'
            raise KnobError(msg)
        try:
            error = str(body.get("error", ""))
            for service in set(body) & set(SERVICES):
                self._by_service[service] = Refusal(
                    left=int(body[service]),
                    status=int(body.get("status", 200 if error or "delay" in body else 500)),
                    error=error,
                    retry_after=float(body.get("retry_after", 0)),
                    delay=min(float(body.get("delay", 0)), MAX_DELAY_SECONDS),
                )
        except (TypeError, ValueError) as problem:
            msg = f"counts, status, retry_after and delay are numbers: {problem}"
            raise KnobError(msg) from problem

    async def answer(self, service: str) -> Response | None:
        """Return the refusal of this call, or None where it goes through (perhaps late)."""
        refusal = self._by_service.get(service)
        if refusal is None or refusal.left == 0:
            return None
        if refusal.left > 0:
            refusal.left -= 1
        if refusal.delay:
            await asyncio.sleep(refusal.delay)
        if refusal.status < 400 and not refusal.error:
            return None
        headers = {"Retry-After": f"{refusal.retry_after:g}"} if refusal.retry_after else {}
        error = refusal.error or ("ratelimited" if refusal.status == 429 else "fatal_error")
        body: dict[str, Any] = {"ok": False, "error": error} if service == "slack" else {"message": error}
        return JSONResponse(body, refusal.status, headers=headers)
