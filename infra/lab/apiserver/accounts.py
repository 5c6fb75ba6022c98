"""serviceaccounts/token: a token for a service account."""

from datetime import timedelta
from typing import TYPE_CHECKING

from infra.lab.apiserver import clock
from infra.lab.apiserver.listing import get_object
from infra.lab.apiserver.reading import read_options
from infra.lab.apiserver.request import Answer, Request, Route
from infra.lab.apiserver.tokens import AUDIENCE
from infra.lab.objects import statuses
from infra.lab.objects.statuses import Cause, StatusError

if TYPE_CHECKING:
    from infra.lab.apiserver.server import ApiServer

_SHORTEST_S = 600
_DEFAULT_S = 3600


def issue_token(server: "ApiServer", request: Request, route: Route) -> Answer:
    """POST of a TokenRequest."""
    spec = read_options(request).get("spec") or {}
    seconds = int(spec.get("expirationSeconds") or _DEFAULT_S)
    if seconds < _SHORTEST_S:
        words = f"Invalid value: {seconds}: may not specify a duration less than 10 minutes"
        cause = Cause("FieldValueInvalid", words, "spec.expirationSeconds")
        raise StatusError(statuses.invalid("", "TokenRequest", "authentication.k8s.io", [cause]))
    account = get_object(server, route)
    audiences = spec.get("audiences") or [AUDIENCE]
    token = server.tokens.issue(account, seconds=seconds, audiences=audiences)
    expires = (clock.now() + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    metadata = account["metadata"]
    body = {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
            "creationTimestamp": clock.timestamp(),
        },
        "spec": {
            "audiences": audiences,
            "expirationSeconds": seconds,
            "boundObjectRef": spec.get("boundObjectRef"),
        },
        "status": {"token": token, "expirationTimestamp": expires},
    }
    return Answer(201, body)
