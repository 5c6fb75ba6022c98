"""Slack over HTTP: the Web API, uploads, files and incoming webhooks."""

import email.message
import email.parser
import email.policy
import json
import logging
import mimetypes
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from infra.lab.recorder.memory import File, Memory
from infra.lab.recorder.refusals import Refusals
from infra.lab.recorder.slack_methods import METHODS, Call, SlackError, post_message

LOG = logging.getLogger("recorder.slack")

MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_UPLOAD_BYTES = 32 * 1024 * 1024


class SlackHttp:
    """The endpoints."""

    def __init__(self, memory: Memory, refusals: Refusals) -> None:
        self._memory = memory
        self._refusals = refusals

    def routes(self) -> list[Route]:
        """Return them."""
        return [
            Route("/slack/api/{method}", self.method, methods=["GET", "POST"]),
            Route("/slack/upload/{ident}", self.upload, methods=["POST"]),
            Route("/slack/webhook/{path:path}", self.webhook, methods=["POST"]),
            Route("/files/{ident}/{name}", self.file),
        ]

    async def method(self, request: Request) -> Response:
        """Answer one call of the Web API."""
        name = request.path_params["method"]
        refusal = await self._refusals.answer("slack")
        if refusal is not None:
            self._memory.refused.append({"service": "slack", "what": name, "status": refusal.status_code})
            self._memory.changed()
            return refusal
        try:
            given = await _arguments(request)
            if not _token(request, given):
                return _refused("not_authed")
            if name not in METHODS:
                return _refused("unknown_method", req_method=name)
            answer = METHODS[name](Call(given, self._memory, str(request.base_url).rstrip("/")))
        except SlackError as error:
            LOG.info("%s refused: %s %s", name, error, error.details or "")
            return _refused(str(error), **error.details)
        self._memory.changed()
        return JSONResponse({"ok": True, **answer})

    async def upload(self, request: Request) -> Response:
        """Take a file's bytes, raw or as a form."""
        refusal = await self._refusals.answer("slack")
        if refusal is not None:
            return refusal
        kept = self._memory.slack.files.get(request.path_params["ident"])
        body = await request.body()
        if kept is None or len(body) > MAX_UPLOAD_BYTES:
            return PlainTextResponse(
                "no such upload" if kept is None else "too large", 404 if kept is None else 413
            )
        content = _part(body, request.headers.get("content-type", ""))
        self._memory.slack.keep_file(File(kept.id, kept.name, content))
        return PlainTextResponse(f"OK - {len(content)}")

    async def file(self, request: Request) -> Response:
        """Show an uploaded file."""
        kept = self._memory.slack.files.get(request.path_params["ident"])
        if kept is None:
            return PlainTextResponse("no such file", 404)
        kind = mimetypes.guess_type(kept.name)[0] or "application/octet-stream"
        safe = kind if kind.startswith("image/") and "svg" not in kind else "text/plain; charset=utf-8"
        return Response(kept.content, media_type=safe, headers={"X-Content-Type-Options": "nosniff"})

    async def webhook(self, request: Request) -> Response:
        """Take a message from an incoming webhook; its channel is in the payload or named webhook."""
        refusal = await self._refusals.answer("slack")
        if refusal is not None:
            return refusal
        try:
            given = await _arguments(request)
            if isinstance(given.get("payload"), str):
                given = json.loads(given["payload"])
            given.setdefault("channel", "#webhook")
            post_message(Call(given, self._memory, str(request.base_url).rstrip("/")))
        except (SlackError, ValueError, AttributeError) as error:
            said = str(error) if isinstance(error, SlackError) else "invalid_payload"
            return PlainTextResponse(said, 400)
        self._memory.changed()
        return PlainTextResponse("ok")


def _refused(error: str, **details: Any) -> Response:
    return JSONResponse({"ok": False, "error": error, **details})


def _token(request: Request, given: dict[str, Any]) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else str(given.get("token") or "")


async def _arguments(request: Request) -> dict[str, Any]:
    """Return query, form or JSON arguments; raise SlackError where the body is none of these."""
    body = await request.body()
    given: dict[str, Any] = dict(request.query_params)
    if len(body) > MAX_BODY_BYTES:
        error = "request_too_large"
        raise SlackError(error)
    if "json" in request.headers.get("content-type", ""):
        try:
            document = json.loads(body or b"{}")
        except ValueError as problem:
            error = "invalid_json"
            raise SlackError(error) from problem
        if not isinstance(document, dict):
            error = "json_not_object"
            raise SlackError(error)
        return given | document
    return given | dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _part(body: bytes, content_type: str) -> bytes:
    """Return the first file of a multipart form, or the body itself."""
    if not content_type.startswith("multipart/"):
        return body
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    for part in form.iter_parts() if isinstance(form, email.message.EmailMessage) else ():
        content = part.get_payload(decode=True)
        if isinstance(content, bytes):
            return content
    return b""
