"""One HTTP request with a limit on its whole time and on the size of its answer.

Proxies, .netrc and certificate bundles of the environment are not used: a probe sees what a plain client in
its place would see. Every request has a connection of its own, as most users' requests have.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, ReadTimeoutError

from windtunnel.clock import Clock
from windtunnel.model.errors import ProbeError
from windtunnel.redaction import one_line

_PIECE = 16 * 1024
_USER = re.compile(r"//[^/?#\s]*@")
_QUERY = re.compile(r"(https?://[^\s?]*)\?\S+")


class SilenceError(Exception):
    """The service refused, broke off, or took too long: what a user of it would see."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What to send. *address* is the IP to connect to in place of the URL's host, "" for the host itself."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    address: str = ""
    follow_redirects: bool = True


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back. *took_s* runs to the last byte; *text* is cut at the limit."""

    status: int
    took_s: float
    text: str
    cut: bool


def shown(text: str) -> str:
    """Return *text*, an address or words that hold one, without user names, passwords and query strings."""
    return _QUERY.sub(r"\1?...", _USER.sub("//***@", text))


def host_of(url: str) -> str:
    """Return the host in *url*.

    Raises:
        ProbeError: there is none, or *url* is no URL.
    """
    try:
        host = urlsplit(url).hostname
    except ValueError as error:
        msg = f"{shown(url)!r} is no URL: {error}"
        raise ProbeError(msg) from error
    if not host:
        msg = f"{shown(url)!r} names no host; write http://host:port/path"
        raise ProbeError(msg)
    return host


def send(request: HttpRequest, clock: Clock, *, timeout_s: float, largest: int = 1_000_000) -> HttpAnswer:
    """Send *request* and read the answer, in *timeout_s* seconds from first to last byte.

    Raises:
        SilenceError: the other side refused, broke off or was too slow.
        ProbeError: the request could not be made: a bad URL, an unknown name, an untrusted certificate.
    """
    began = clock.monotonic()
    try:
        with requests.Session() as session:
            session.trust_env = False
            session.max_redirects = 5
            response = _open(session, request, timeout_s)
            with response:
                body, cut = _read(response, clock, until=began + timeout_s, largest=largest)
    except requests.exceptions.InvalidHeader:
        msg = f"{shown(request.url)}: {_bad_header(request.headers)}"
        raise ProbeError(msg) from None  # its text holds the value, which may be a secret
    except (requests.exceptions.SSLError, requests.exceptions.TooManyRedirects) as error:
        msg = f"{shown(request.url)}: {_cause(error)}"
        raise ProbeError(msg) from error
    except (requests.exceptions.Timeout, ReadTimeoutError) as error:
        msg = f"no answer within {timeout_s:g} s"
        raise SilenceError(msg) from error
    except (requests.exceptions.ConnectionError, HTTPError) as error:
        raise _connection_failure(request, error) from error
    except (requests.exceptions.RequestException, ValueError) as error:
        msg = f"{shown(request.url)} cannot be requested: {_cause(error)}"
        raise ProbeError(msg) from error
    text = body.decode(response.encoding or "utf-8", errors="replace")
    return HttpAnswer(response.status_code, clock.monotonic() - began, text, cut)


def _bad_header(headers: Mapping[str, str]) -> str:
    """Name the headers that cannot be sent, without their values."""
    bad = [name for name, value in headers.items() if value != value.strip() or not value.isprintable()]
    named = " and ".join(bad) or "one of the headers"
    return f"{named} cannot be sent: its value begins or ends with a space, or has a line break in it"


def _open(session: requests.Session, request: HttpRequest, timeout_s: float) -> requests.Response:
    url, headers = request.url, {"User-Agent": "windtunnel", **request.headers}
    if request.address:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        host = f"[{request.address}]" if ":" in request.address else request.address
        url = urlunsplit(parts._replace(netloc=f"{host}{port}"))
        headers.setdefault("Host", parts.netloc.rpartition("@")[2])
        session.mount("https://", _NamedHost(parts.hostname or ""))
    return session.request(
        request.method,
        url,
        headers=headers,
        data=request.body.encode() or None,
        timeout=timeout_s,
        stream=True,
        allow_redirects=request.follow_redirects,
    )


def _read(response: requests.Response, clock: Clock, *, until: float, largest: int) -> tuple[bytes, bool]:
    pieces = bytearray()
    more = True
    while more and len(pieces) <= largest:
        piece = response.raw.read1(
            _PIECE, decode_content=True
        )  # what is there, so that the time can be looked at
        pieces += piece
        more = bool(piece)
        if clock.monotonic() > until:
            raise requests.exceptions.Timeout
    return bytes(pieces[:largest]), len(pieces) > largest


class _NamedHost(HTTPAdapter):
    """Connects to an IP address and still asks for, and checks, the certificate of the host's name."""

    def __init__(self, host: str) -> None:
        self._host = host
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, server_hostname=self._host, assert_hostname=self._host)


def _connection_failure(request: HttpRequest, error: Exception) -> Exception:
    text = str(error).lower()
    if "resolve" in text or "name or service not known" in text or "getaddrinfo" in text:
        return ProbeError(f"the host of {shown(request.url)} cannot be resolved")
    if "refused" in text:
        return SilenceError("connection refused")
    if "timed out" in text:
        return SilenceError("no answer in time")
    if "reset" in text:
        return SilenceError("connection reset")
    return SilenceError("the connection was closed without a whole answer")


def _cause(error: BaseException) -> str:
    return one_line(shown(str(error)), 200)
