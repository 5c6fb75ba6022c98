"""Where freezes are declared: a config map, a Prefect variable, an HTTP endpoint."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from guardrails.freeze import Freezes, Sign
from tasks.prefect_variables import read_variable
from tasks.prospect import Prospect
from windtunnel.clients.http import HttpRequest, SilenceError, send, shown
from windtunnel.clock import Clock
from windtunnel.faults.shape import Rule
from windtunnel.model.declaration import FALSE_WORDS, Declaration, read_declaration
from windtunnel.model.errors import NotFoundError, SourceError, WindtunnelError
from windtunnel.model.policy import Policy

TIMEOUT_S = 5.0
_OK, _NO_CONTENT = 200, 204
_WORDS = FALSE_WORDS | {"true", "yes", "on", "1", "frozen", "closed"}

Read = Callable[[], Declaration]


def freezes(run: Prospect, policy: Policy) -> Freezes:
    """Read every place that *policy* names at once; a place that cannot be read is kept with its error."""
    places = dict(_places(run, policy))
    if not places:
        return Freezes()
    with ThreadPoolExecutor(max_workers=len(places), thread_name_prefix="freeze") as pool:
        asked = {place: pool.submit(copy_context().run, _sign, place, read) for place, read in places.items()}
        return Freezes(tuple(sign.result() for sign in asked.values()))


def freeze_rules(policy: Policy) -> tuple[tuple[str, Rule], ...]:
    """Return the rights that reading freezes needs, each with its namespace."""
    if policy.freeze is None or not policy.freeze.configmap:
        return ()
    return ((policy.freeze.configmap.partition("/")[0], Rule("", ("configmaps",), ("get",))),)


def _places(run: Prospect, policy: Policy) -> Iterator[tuple[str, Read]]:
    freeze = policy.freeze
    if freeze is None:
        return
    if freeze.configmap:
        yield f"configmap {freeze.configmap}", lambda: _from_configmap(run, freeze.configmap)
    if freeze.variable:
        yield f"Prefect variable {freeze.variable}", lambda: read_declaration(read_variable(freeze.variable))
    if freeze.url:
        yield shown(freeze.url), lambda: _from_url(freeze.url, run.clock)


def _sign(place: str, read: Read) -> Sign:
    try:
        return Sign(place, read())
    except WindtunnelError as error:
        return Sign(place, error=str(error))


def _from_configmap(run: Prospect, name: str) -> Declaration:
    namespace, _, called = name.partition("/")
    try:
        found = run.cluster.get("ConfigMap", called, namespace)
    except NotFoundError:
        return Declaration(declared=False)
    return read_declaration(dict(found.get("data") or {}))


def _from_url(url: str, clock: Clock) -> Declaration:
    """Read 200 with a JSON object, true, false or one of the known words; 204 means no freeze."""
    try:
        answer = send(HttpRequest(url, follow_redirects=False), clock, timeout_s=TIMEOUT_S, largest=65_536)
    except SilenceError as error:
        raise SourceError(str(error)) from error
    if answer.status == _NO_CONTENT:
        return Declaration(declared=False)
    if answer.status != _OK:
        msg = f"answered {answer.status}; 200 with a freeze or 204 is understood"
        raise SourceError(msg)
    text = answer.text.strip()
    try:
        told = json.loads(text)
    except ValueError:
        told = text
    # null is what an endpoint answers that has found nothing: nobody has said that there is no freeze
    known = isinstance(told, bool | dict) or (told is not None and str(told).lower() in _WORDS - {""})
    if not known:
        msg = "the answer is neither a JSON object, nor true, false, frozen or open"
        raise SourceError(msg)
    return read_declaration(told)
