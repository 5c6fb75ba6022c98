"""Firing alerts in an Alertmanager, by its API v2."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from windtunnel.clients.http import HttpRequest, SilenceError, send, shown
from windtunnel.clock import Clock
from windtunnel.model.declaration import instant
from windtunnel.model.errors import ProbeError, SourceError
from windtunnel.model.rule_sources import Alertmanager
from windtunnel.redaction import one_line

_OK = 200
_TELLING = ("severity", "service", "namespace", "job")  # labels that a sentence shows
_LARGEST = 8_000_000


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert that fires now."""

    labels: dict[str, str]
    starts_at: datetime | None
    link: str = ""

    def __str__(self) -> str:
        name = self.labels.get("alertname", "an alert without a name")
        shown_labels = ", ".join(f"{key}={self.labels[key]}" for key in _TELLING if key in self.labels)
        return f"{name} ({shown_labels})" if shown_labels else name


def firing_alerts(source: Alertmanager, clock: Clock, *, timeout_s: float) -> tuple[Alert, ...]:
    """Return every alert that fires, is neither silenced nor inhibited, and satisfies all matchers.

    A silence says that people know and have decided to carry on; an inhibited alert follows from another.

    Raises:
        SourceError: the Alertmanager could not be asked, or refused a matcher.
    """
    asked = [("active", "true"), ("silenced", "false"), ("inhibited", "false"), ("unprocessed", "true")]
    query = urlencode([*asked, *(("filter", matcher) for matcher in source.match)])
    where = f"Alertmanager at {shown(source.url)}"
    request = HttpRequest(f"{source.url.rstrip('/')}/api/v2/alerts?{query}")
    try:
        answer = send(request, clock, timeout_s=timeout_s, largest=_LARGEST)
    except (SilenceError, ProbeError) as error:
        msg = f"{where}: {error}"
        raise SourceError(msg) from error
    if answer.status != _OK or answer.cut:
        why = "is too long" if answer.cut else f"is {answer.status}: {one_line(answer.text, 200)}"
        msg = f"{where}: the answer {why}"
        raise SourceError(msg)
    try:
        # an answer that is no list, such as {}, names no alert and proves nothing
        match json.loads(answer.text):
            case list(found):
                return tuple(map(_alert, found))
            case other:
                why = type(other).__name__
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why = repr(error)
    msg = f"{where}: the answer is not one of an Alertmanager ({why})"
    raise SourceError(msg)


def _alert(entry: dict[str, Any]) -> Alert:
    labels = {str(key): str(value) for key, value in entry["labels"].items()}
    return Alert(labels, instant(str(entry.get("startsAt", ""))), str(entry.get("generatorURL", "")))
