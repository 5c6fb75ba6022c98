"""Reading: one object, or a list with selectors, pages and versions."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from infra.lab.apiserver import presentation
from infra.lab.apiserver.request import Answer, Request, Route
from infra.lab.apiserver.selection import Selection
from infra.lab.apiserver.store import Collection, ExpiredError, Key
from infra.lab.objects import statuses
from infra.lab.objects.statuses import Cause, StatusError

if TYPE_CHECKING:
    from infra.lab.apiserver.server import ApiServer

Object = dict[str, Any]

_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a "
    "new list without the continue parameter, or use the continue token in this response to retrieve "
    "the remainder of the results. Continuing with the provided token results in an inconsistent list - "
    "objects that were created, modified, or deleted between the time the first chunk was returned and "
    "now may show up in the list."
)


def get_object(server: "ApiServer", route: Route) -> Object:
    """The stored object a route names.

    Raises:
        StatusError: 404.
    """
    found = server.store.collection(route.collection).get((route.namespace or "", route.name or ""))
    if found is None:
        raise StatusError(statuses.not_found(route.name or "", route.resource.plural, route.resource.group))
    return found


def read(server: "ApiServer", request: Request, route: Route) -> Answer:
    """GET of one object."""
    del request  # one object has no options beyond a version it is always newer than
    return Answer(200, presentation.shown(route.resource, get_object(server, route)), resource=route.resource)


def list_objects(server: "ApiServer", request: Request, route: Route) -> Answer:
    """GET of a collection."""
    query = request.query
    selection = Selection.of(route.resource, query)
    _check_match(query)
    page = _Page(server, server.store.collection(route.collection), route, query)
    candidates = page.candidates()
    items, metadata = page.take(candidates, selection)
    return Answer(200, presentation.as_list(route.resource, items, metadata), resource=route.resource)


def _check_match(query: Mapping[str, str]) -> None:
    """Refuse combinations of resourceVersion and resourceVersionMatch that mean nothing."""
    match, version = query.get("resourceVersionMatch", ""), query.get("resourceVersion", "")
    if not match:
        return
    reason = "FieldValueForbidden"
    if match not in {"Exact", "NotOlderThan"}:
        reason = "FieldValueNotSupported"
        words = f'Unsupported value: "{match}": supported values: "Exact", "NotOlderThan", ""'
    elif not version:
        words = "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
    elif match == "Exact" and version == "0":
        words = 'Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
    else:
        return
    raise StatusError(statuses.invalid_options("ListOptions", [Cause(reason, words, "resourceVersionMatch")]))


class _Page:
    """One list request: which version it is about, where it starts and where it stops."""

    def __init__(self, server: "ApiServer", collection: Collection, route: Route, query: Any) -> None:
        self._server = server
        self._collection = collection
        self._namespace = route.namespace
        self._start: Key | None = None
        self._limit = _limit(query.get("limit", ""))
        self._version = server.store.version
        self._match = query.get("resourceVersionMatch", "")
        asked = query.get("resourceVersion", "")
        if token := query.get("continue", ""):
            self._resume(token, asked)
        elif asked:
            self._at(asked)

    def _at(self, asked: str) -> None:
        version = _version_number(asked)
        if version == 0:
            self._limit = 0
        if version > self._server.store.version:
            raise StatusError(too_large(version, self._server.store.version), headers={"Retry-After": "1"})
        if self._match == "Exact" or (not self._match and version and self._limit):
            self._version = version

    def _resume(self, token: str, asked: str) -> None:
        if asked and asked != "0":
            raise StatusError(
                statuses.bad_request("specifying resource version is not allowed when using continue")
            )
        version, self._start = _decode_token(token, self._namespace)
        if version < 0:
            return
        self._version = version
        if version < self._collection.compacted:
            fresh = statuses.expired(_TOO_OLD)
            fresh["metadata"] = {"continue": _encode_token(-1, self._start, self._namespace)}
            raise StatusError(fresh)

    def candidates(self) -> list[tuple[Key, Object]]:
        """The objects of the namespace at the version, from the start of the page."""
        try:
            found = (
                self._collection.select(self._namespace)
                if self._version >= self._collection.version
                else self._collection.select_at(self._namespace, self._version)
            )
        except ExpiredError:
            message = "The resourceVersion for the provided list is too old."
            raise StatusError(statuses.expired(message)) from None
        start = self._start
        return found if start is None else [entry for entry in found if entry[0] > start]

    def take(self, candidates: list[tuple[Key, Object]], selection: Selection) -> tuple[list[Object], Object]:
        """The page's items, and the list's metadata."""
        items: list[Object] = []
        metadata: Object = {"resourceVersion": str(self._version)}
        for position, (key, item) in enumerate(candidates):
            if not selection.matches(item):
                continue
            items.append(item)
            left = len(candidates) - position - 1
            if self._limit and len(items) == self._limit and left:
                metadata["continue"] = _encode_token(self._version, key, self._namespace)
                if selection.everything:
                    metadata["remainingItemCount"] = left
                break
        return items, metadata


def _limit(text: str) -> int:
    try:
        return max(0, int(text or "0"))
    except ValueError:
        raise StatusError(
            statuses.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
        ) from None


def _version_number(text: str) -> int:
    if not text.isdigit():
        parsed = f'strconv.ParseUint: parsing "{text}": invalid syntax'
        message = f'invalid resource version: resourceVersion: Invalid value: "{text}": {parsed}'
        raise StatusError(statuses.bad_request(message))
    return int(text)


def too_large(version: int, current: int) -> Object:
    """504 about a version that is still to come."""
    return statuses.status(
        504,
        "Timeout",
        f"Timeout: Too large resource version: {version}, current: {current}",
        {
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        },
    )


def _encode_token(version: int, key: Key, namespace: str | None) -> str:
    start = ("/".join(key) if namespace is None and key[0] else key[1]) + "\0"
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": start}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode_token(token: str, namespace: str | None) -> tuple[int, Key]:
    """The version a continue token is about, and the last key before it.

    Raises:
        StatusError: 400, no token of this server.
    """
    prefix = "invalid continue token: continue key is not valid: "
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (ValueError, binascii.Error):
        raise StatusError(statuses.bad_request(prefix + "illegal base64 data at input byte 0")) from None
    try:
        content = json.loads(raw)
    except ValueError:
        first = chr(raw[0]) if raw else ""
        quoted = first if first.isascii() and first.isprintable() else f"\\u{ord(first or chr(0)):04x}"
        words = f"invalid character '{quoted}' looking for beginning of value"
        raise StatusError(statuses.bad_request(prefix + words)) from None
    if not isinstance(content, dict) or content.get("v") != "meta.k8s.io/v1":
        version = content.get("v", "") if isinstance(content, dict) else ""
        message = f"{prefix}server does not recognize this encoded version {version}"
        raise StatusError(statuses.bad_request(message))
    start = str(content.get("start", "")).rstrip("\0")
    space, _, name = start.rpartition("/")
    return int(content.get("rv", 0)), (namespace if namespace is not None else space, name)
