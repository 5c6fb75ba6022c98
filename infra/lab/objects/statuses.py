"""Status answers: every refusal an API server words, and the one exception that carries them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing wrong with an object: `reason` as in StatusCause, the words, and the field's path."""

    reason: str
    message: str
    field: str

    def as_json(self) -> Json:
        """The cause as `details.causes` holds it; empty parts are left out."""
        parts = {"reason": self.reason, "message": self.message, "field": self.field}
        return {key: value for key, value in parts.items() if value}

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class StatusError(Exception):
    """A request the server refuses; `body` is the Status it answers with, `code` the HTTP status."""

    def __init__(self, body: Json, *, headers: dict[str, str] | None = None) -> None:
        super().__init__(body.get("message", ""))
        self.body = body
        self.code: int = body["code"]
        self.reason: str = body.get("reason", "")
        self.message: str = body.get("message", "")
        self.headers = headers or {}

    @property
    def status(self) -> int:
        """The HTTP status; the same as `code`."""
        return self.code

    @property
    def causes(self) -> list[Json]:
        """`details.causes` of the body; empty when it has none."""
        return (self.body.get("details") or {}).get("causes") or []


class PatchError(StatusError):
    """A patch that cannot be read or does not apply."""


def status(code: int, reason: str, message: str, details: Json | None = None) -> Json:
    """A Status object. An empty reason is left out, as the server does for some internal errors."""
    body: Json = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
    }
    if reason:
        body["reason"] = reason
    if details is not None:
        body["details"] = details
    body["code"] = code
    return body


def success(code: int = 200, details: Json | None = None) -> Json:
    """The Status of a request that succeeded and has no object to show (delete, eviction, binding)."""
    body: Json = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    if details is not None:
        body["details"] = details
    if code != 200:
        body["code"] = code
    return body


def deleted(name: str, plural: str, group: str, uid: str) -> Json:
    """What deleting most kinds answers: a Status that names the object."""
    return success(details={**_names(name, group, plural), "uid": uid})


def _names(name: str, group: str, kind: str) -> Json:
    """The parts of `details` that name an object; empty ones are left out."""
    return {key: value for key, value in (("name", name), ("group", group), ("kind", kind)) if value}


def qualified(name: str, group: str) -> str:
    """`deployments` and `apps` as `deployments.apps`; the core group has no suffix."""
    return f"{name}.{group}" if group else name


def not_found(name: str, plural: str, group: str = "") -> Json:
    """404 about one object."""
    message = f'{qualified(plural, group)} "{name}" not found'
    return status(404, "NotFound", message, _names(name, group, plural))


def no_such_resource() -> Json:
    """404 about a path: the resource, version or subresource does not exist."""
    return status(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(name: str, plural: str, group: str = "", *, terminating: bool = False) -> Json:
    """409 on create; a terminating object still holds its name and says so."""
    prefix = "object is being deleted: " if terminating else ""
    message = f'{prefix}{qualified(plural, group)} "{name}" already exists'
    return status(409, "AlreadyExists", message, _names(name, group, plural))


def conflict(name: str, plural: str, group: str = "", *, why: str = "") -> Json:
    """409 on a write: by default because the resource version is old.

    Preconditions pass the kind ("Pod") where other conflicts pass the plural; the server does that too.
    """
    stale = "the object has been modified; please apply your changes to the latest version and try again"
    message = f'Operation cannot be fulfilled on {qualified(plural, group)} "{name}": {why or stale}'
    return status(409, "Conflict", message, _names(name, group, plural))


def invalid(name: str, kind: str, group: str, causes: Sequence[Cause]) -> Json:
    """422 with one cause per problem; the message joins them.

    Exact repetitions show once in the message and stay in the causes, as the server has it.
    """
    texts = list(dict.fromkeys(str(cause) for cause in causes))
    joined = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details = {**_names(name, group, kind), "causes": [cause.as_json() for cause in causes]}
    return status(422, "Invalid", f'{qualified(kind, group)} "{name}" is invalid: {joined}', details)


def invalid_options(kind: str, causes: Sequence[Cause]) -> Json:
    """422 about request options such as `CreateOptions` or `PatchOptions`."""
    return invalid("", kind, "meta.k8s.io", causes)


def bad_request(message: str) -> Json:
    """400: the request cannot be read."""
    return status(400, "BadRequest", message)


def unprocessable() -> Json:
    """422 without an explanation: a JSON patch that does not apply."""
    return status(422, "Invalid", "the server rejected our request due to an error in our request", {})


def invalid_patch(message: str) -> Json:
    """422: a patch whose result cannot be decoded as the kind."""
    cause = Cause("FieldValueInvalid", f"Invalid value: {message}", "patch")
    return status(422, "Invalid", f' "" is invalid: {cause}', {"causes": [cause.as_json()]})


def forbidden(name: str, plural: str, group: str, *, why: str) -> Json:
    """403. Without a name the message speaks of the resource as a whole."""
    subject = f'{qualified(plural, group)} "{name}"' if name else qualified(plural, group)
    return status(403, "Forbidden", f"{subject} is forbidden: {why}", _names(name, group, plural))


def unauthorized() -> Json:
    """401: the credentials are not valid."""
    return status(401, "Unauthorized", "Unauthorized")


def method_not_allowed() -> Json:
    """405: the path exists, the method does not."""
    return status(
        405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {}
    )


def internal(message: str) -> Json:
    """500 as the server wraps an unexpected error of its own."""
    details = {"causes": [{"message": message}]}
    return status(500, "InternalError", f"Internal error occurred: {message}", details)


def unexplained(message: str) -> Json:
    """500 without a reason: an error the server passes on as it is."""
    return status(500, "", message)


def unsupported_media_type(accepted: Sequence[str]) -> Json:
    """415 with the accepted media types; without any, the bare sentence patches get."""
    if not accepted:
        return status(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
    words = "the body of the request was in an unknown format - accepted media types include: "
    return status(415, "UnsupportedMediaType", words + ", ".join(accepted))


def not_acceptable(message: str) -> Json:
    """406: no representation the client accepts."""
    return status(406, "NotAcceptable", message)


def expired(message: str) -> Json:
    """410: the asked resource version or continue token is gone."""
    return status(410, "Expired", message)


def too_many_requests(message: str, causes: Sequence[Cause] = (), *, retry_after_s: int = 0) -> Json:
    """429: an eviction that a disruption budget holds back."""
    details: Json = {"causes": [cause.as_json() for cause in causes]} if causes else {}
    if retry_after_s:
        details["retryAfterSeconds"] = retry_after_s
    return status(429, "TooManyRequests", message, details)
