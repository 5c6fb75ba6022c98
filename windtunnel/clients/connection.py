"""One request to a Kubernetes API server, and what its failures mean. The only importer of `kubernetes`."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from windtunnel.clients.refusals import from_answer, no_answer
from windtunnel.clock import Clock, SystemClock
from windtunnel.model.errors import ClusterError, UnreachableError
from windtunnel.model.policy import ClusterEntry
from windtunnel.redaction import learn, one_line

_CLOCK = SystemClock()
_LONGEST_PAUSE_S = 3.0
_ONE_TICK_S = 1.0  # a Date counts whole seconds
_LARGEST_ANSWER = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds for the connection, between two pieces of an answer, for all of it; and tries of a read."""

    connect_s: float = 3.0
    read_s: float = 10.0
    total_s: float = 30.0
    tries: int = 4


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, and *doing*: the words that name it in an error, as in "deleting pod/a in shop"."""

    method: str
    path: str
    doing: str
    query: Mapping[str, str] | None = None
    body: Any = None
    content_type: str = "application/json"
    accept: str = "application/json"


@dataclass(frozen=True, slots=True)
class Connection:
    """An authenticated way to one API server."""

    client: Any  # kubernetes.client.ApiClient
    name: str
    timeouts: Timeouts = Timeouts()

    @property
    def server(self) -> str:
        """Return the API server's address."""
        return str(self.client.configuration.host)

    def within(self, timeouts: Timeouts) -> "Connection":
        """Return the same connection with other timeouts."""
        return replace(self, timeouts=timeouts)

    def ask(self, request: Request) -> Any:
        """Send *request* and return the decoded JSON answer.

        A GET is tried again, a few times, when nothing answered or the server asked for patience; a write
        never is, because nobody can tell whether it had its effect.

        Raises:
            ClusterError: or one of its kinds, naming the call and the server's own words.
        """
        tries = self.timeouts.tries if request.method == "GET" else 1
        for attempt in range(1, tries):
            try:
                return self._ask_once(request)
            except ClusterError as error:
                pause = pause_before_retry(error, attempt)
                if pause is None:
                    raise
            _CLOCK.wait(pause)
        return self._ask_once(request)

    def _ask_once(self, request: Request) -> Any:
        with self.open(request) as response:
            body = self._read(response, request)
        try:
            answer = json.loads(body) if body else {}
        except ValueError as error:
            msg = f"{request.doing} on {self.label}: the answer is not JSON; is that a Kubernetes API?"
            raise ClusterError(msg, status=response.status) from error
        return answer

    @contextmanager
    def open(self, request: Request, *, read_s: float | None = None) -> Iterator[Any]:
        """Send *request* and hand out the answer as a stream, once its status is known to be good."""
        headers = {"Accept": request.accept, "Content-Type": request.content_type, "User-Agent": "windtunnel"}
        url = self.server + request.path + (f"?{urlencode(request.query)}" if request.query else "")
        with self._naming(request):
            self.client.update_params_for_auth(
                headers, None, ["BearerToken"], request.path, request.method, None
            )
            learn(headers.get("authorization", "").removeprefix("Bearer "))  # it may be a new one by now
            timeout = (self.timeouts.connect_s, read_s or self.timeouts.read_s)
            answered = self.client.rest_client.request(
                request.method, url, headers=headers, body=request.body, _request_timeout=timeout
            )
        response = answered.response
        try:
            if not HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
                where = f"{request.doing} on {self.label}"
                patience = response.headers.get("Retry-After", "")
                body = self._read(response, request)
                raise from_answer(where, response.status, body, retry_after=patience)
            yield response
        finally:
            response.close()
            response.release_conn()

    def clock_skew_s(self, clock: Clock) -> float:
        """Return by how many seconds *clock* is ahead of the server's Date, at the least.

        A difference is looked at twice, and the smaller one counts: where a machine slept, or a server was
        held up, a single Date may be from before. Clocks that differ do so both times.
        """
        skew = self._skew_s(clock)
        if abs(skew) <= _ONE_TICK_S:
            return skew
        clock.wait(_ONE_TICK_S)
        return min(skew, self._skew_s(clock), key=abs)

    def _skew_s(self, clock: Clock) -> float:
        before = clock.now()
        request = Request("GET", "/version", "asking for the time")
        with self.open(request) as response:
            written = response.headers.get("Date", "")
            self._read(response, request)
        after = clock.now()
        try:
            server = parsedate_to_datetime(written)
            if server.tzinfo is None:  # two dates in one header, or one without a zone
                raise ValueError(written)  # noqa: TRY301 - told in one place
        except ValueError as error:
            msg = f"asking for the time on {self.label}: the answer has no readable Date: {written!r}"
            raise ClusterError(msg) from error
        if before > (latest := server + timedelta(seconds=1)):
            return (before - latest).total_seconds()
        return min(0.0, (after - server).total_seconds())

    def _read(self, response: Any, request: Request) -> bytes:
        until = _CLOCK.monotonic() + self.timeouts.total_s
        pieces: list[bytes] = []
        size = 0
        with self._naming(request):
            for piece in response.stream(256 * 1024):
                pieces.append(piece)
                size += len(piece)
                if size > _LARGEST_ANSWER or _CLOCK.monotonic() > until:
                    msg = f"{request.doing} on {self.label}: the answer is too long or slow ({size} bytes)"
                    raise UnreachableError(msg)
        return b"".join(pieces)

    @property
    def label(self) -> str:
        """Return how messages name this cluster."""
        return f"cluster {self.name} ({self.server})" if self.name else self.server

    @contextmanager
    def _naming(self, request: Request) -> Iterator[None]:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        try:
            yield
        except (HTTPError, ApiException, OSError) as error:
            where = f"{request.doing} on {self.label}"
            raise no_answer(where, error, write=request.method != "GET") from error


def pause_before_retry(error: ClusterError, attempt: int) -> float | None:
    """Return the seconds to wait before a read is tried again, or None when trying again is pointless."""
    retryable = (
        isinstance(error, UnreachableError)
        or error.status == HTTPStatus.TOO_MANY_REQUESTS
        or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    )
    if not retryable:
        return None
    return float(min(_LONGEST_PAUSE_S, max(error.retry_after_s, 0.1 * 2.0**attempt)))


def open_connection(entry: ClusterEntry | None) -> Connection:
    """Read the credentials that *entry* names and make a connection; nothing is sent yet.

    Raises:
        UnreachableError: there is no usable kubeconfig, or it lacks the context.
    """
    from kubernetes.client import ApiClient, Configuration

    entry = entry or ClusterEntry(name="")
    configuration = Configuration()
    _load(entry, configuration)
    _learn_credentials(configuration)
    configuration.retries = False  # ours, because a write must never be sent twice
    configuration.connection_pool_maxsize = 16
    if _is_loopback(configuration.host):
        configuration.proxy = None  # a proxy from the environment could never reach it
    return Connection(client=ApiClient(configuration), name=entry.name or entry.context)


def _learn_credentials(configuration: Any) -> None:
    for credential in (*configuration.api_key.values(), configuration.password or ""):
        learn(credential.removeprefix("Bearer "))
    if configuration.key_file:
        with suppress(OSError, ValueError):  # whoever uses it will say what is wrong with it
            key = Path(configuration.key_file).read_text(encoding="ascii")
            learn(key)
            learn("".join(line for line in key.splitlines() if "-----" not in line))


def _load(entry: ClusterEntry, configuration: Any) -> None:
    from kubernetes import config

    official: Any = config  # ships no types

    path = entry.kubeconfig or os.environ.get("KUBECONFIG", "")
    files = [Path(part).expanduser() for part in path.split(os.pathsep) if part]
    if not files:
        files = [Path.home() / ".kube" / "config"]
        if not files[0].exists() and os.environ.get("KUBERNETES_SERVICE_HOST"):
            _explaining("the pod's service account", lambda: official.load_incluster_config(configuration))
            return
    present = [str(file) for file in files if file.exists()]
    if not present:
        named = " nor ".join(str(file) for file in files)
        msg = (
            f"there is no kubeconfig at {named}; set KUBECONFIG, name the cluster in windtunnel.yaml under "
            "`clusters`, or start the lab with `windtunnel lab up` and use `cluster: lab`"
        )
        raise UnreachableError(msg)
    joined = os.pathsep.join(present)
    _explaining(
        joined,
        lambda: official.load_kube_config(
            config_file=joined, context=entry.context or None, client_configuration=configuration
        ),
        context=entry.context,
    )


def _explaining(source: str, load: Callable[[], None], *, context: str = "") -> None:
    """Run one of the official loaders, whose failures come in many types, and say what to do."""
    try:
        load()
    except Exception as error:
        wanted = f" with context {context!r}" if context else ""
        detail = one_line(str(error), 300)
        msg = f"the kubeconfig {source}{wanted} cannot be used: {detail}; see `kubectl config get-contexts`"
        raise UnreachableError(msg) from error


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
