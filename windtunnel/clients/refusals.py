"""What an API server's refusal, or its silence, means in windtunnel's own errors. Pure."""

import json
import re
from collections.abc import Mapping
from typing import Any

from windtunnel.model.errors import (
    ClusterError,
    ConflictError,
    NotFoundError,
    RefusedError,
    UnreachableError,
)
from windtunnel.redaction import one_line

_LONGEST = 400  # characters that are told
_LOOKED_AT = (
    65536  # bytes of an answer that is no JSON; far more than is told, so that no secret is cut in two
)
_PATCH_TEST_FAILED = "the server rejected our request due to an error in our request"
_KINDS: Mapping[int, type[ClusterError]] = {
    401: RefusedError,
    403: RefusedError,
    404: NotFoundError,
    409: ConflictError,
    429: RefusedError,
}
_ADVICE = {
    401: "the credentials are not accepted: log in again or mend the kubeconfig",
    403: "the account lacks this right: see docs/faults.md for the rules each fault needs",
}


def from_answer(doing: str, status: int, body: bytes, *, retry_after: str = "") -> ClusterError:
    """Turn an answer with a bad status into an error that names the call and the server's own words."""
    said = _status(body)
    words = [str(said.get("message") or _plain(body) or "no reason given")]
    details = said.get("details") or {}
    causes = details.get("causes") if isinstance(details, Mapping) else None
    words += [
        str(cause["message"])
        for cause in causes or ()
        if isinstance(cause, Mapping) and cause.get("message") and str(cause["message"]) not in words[0]
    ]
    message = f"{doing}: {status} {one_line('; '.join(words), _LONGEST)}"
    if advice := _ADVICE.get(status):
        message += f" ({advice})"
    kind = _KINDS.get(status, ClusterError)
    if status == 422 and words[0] == _PATCH_TEST_FAILED:  # noqa: PLR2004 - how a failed JSON patch test looks
        kind, message = ConflictError, f"{doing}: the object is not as it was when it was read (422)"
    patience = float(retry_after) if re.fullmatch(r"\d{1,4}", retry_after) else 0.0
    return kind(message, status=status, reason=str(said.get("reason") or ""), retry_after_s=patience)


def no_answer(doing: str, error: BaseException, *, write: bool) -> UnreachableError:
    """Turn a failure below HTTP into one sentence: what, why, and what to check."""
    cause = one_line(str(error), _LONGEST)
    text = f"{type(error).__name__} {cause}".lower()
    if "certificate" in text or "ssl" in text:
        hint = "the TLS certificate is not the one the kubeconfig trusts, or the address does not speak TLS"
    elif "refused" in text:
        hint = "nothing listens there: is the cluster up, and is it the right address?"
    elif "name or service" in text or "resolution" in text or "resolve" in text or "getaddrinfo" in text:
        hint = "the host name cannot be resolved"
    elif "timeout" in text or "timed out" in text:
        hint = "no answer in time: check the network and the server's load"
    else:
        hint = "the connection broke"
    doubt = "; whether it took effect is not known" if write else ""
    return UnreachableError(f"{doing}: {hint}{doubt} ({cause})")


def _status(body: bytes) -> Mapping[str, Any]:
    try:
        parsed = json.loads(body)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, Mapping) else {}


def _plain(body: bytes) -> str:
    return one_line(body[:_LOOKED_AT].decode("utf-8", errors="replace"), _LONGEST)
