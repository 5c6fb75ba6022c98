"""http probe: status, latency and body of one answer."""

import re

from windtunnel.clients.http import HttpAnswer, HttpRequest, SilenceError, host_of, send
from windtunnel.clock import Clock
from windtunnel.model.experiment import HttpProbe
from windtunnel.probes.answer import Answer
from windtunnel.probes.looking import ProbeContext
from windtunnel.probes.placeholders import fill_in

_REDIRECTS = range(300, 400)


def look_http(probe: HttpProbe, context: ProbeContext, clock: Clock, *, timeout_s: float) -> Answer:
    """Send the request; a service that refuses, breaks off or is too slow is a miss, as it is to its users.

    The value is the latency of an answer with an expected status; any other look gives none.

    Redirects are followed unless a redirect is itself an expected status.

    Raises:
        ProbeError: the request could not be made.
    """
    request = HttpRequest(
        url=probe.url,
        method=probe.method,
        headers={
            name: fill_in(value, context.environ, context.secrets) for name, value in probe.headers.items()
        },
        body=fill_in(probe.body, context.environ, context.secrets),
        address=context.addresses.address(host_of(probe.url), context.cluster),
        follow_redirects=not any(status in _REDIRECTS for status in probe.status),
    )
    try:
        answer = send(request, clock, timeout_s=timeout_s)
    except SilenceError as silence:
        return Answer(ok=False, detail=str(silence))
    misses = _misses(probe, answer)
    seen = f"status {answer.status} in {answer.took_s * 1000:.0f} ms"
    # How fast an error page comes is no latency: an outage must not look fast to an abort condition.
    latency_s = answer.took_s if answer.status in probe.status else None
    return Answer(ok=not misses, value=latency_s, detail="; ".join([seen, *misses]))


def _misses(probe: HttpProbe, answer: HttpAnswer) -> list[str]:
    misses = []
    if answer.status not in probe.status:
        misses.append(f"expected status {' or '.join(map(str, probe.status))}")
    if probe.within_s is not None and answer.took_s > probe.within_s:
        misses.append(f"expected within {probe.within_s * 1000:g} ms")
    if probe.matches and not re.search(probe.matches, answer.text):
        part = " in its first part" if answer.cut else ""
        misses.append(f"the answer does not match {probe.matches!r}{part}")
    return misses
