"""The commands that undo a ticket by hand, for a person who has nothing but kubectl. Pure."""

import json
import shlex
from collections.abc import Iterator
from typing import Any

from windtunnel.clients.own_namespace import NAMESPACE
from windtunnel.clients.ticket_body import RUN
from windtunnel.model.ticket import ObjectRef, UndoStep, UndoTicket

_CORDON = "/spec/unschedulable"


def commands(ticket: UndoTicket) -> tuple[str, ...]:
    """Return what to type, in its order, quoted for a shell: the last change first, then the ticket.

    They put the values back whatever stands there now: who types them must look first.
    """
    return tuple(shlex.join(words) for words in _commands(ticket))


def _commands(ticket: UndoTicket) -> Iterator[list[str]]:
    for step in reversed(ticket.steps):
        named = _named(step.ref)
        if step.ref.kind == "Node" and step.path == _CORDON and not step.before:
            yield ["kubectl", "uncordon", step.ref.name]
        else:
            yield ["kubectl", "patch", *named, "--type", "merge", "-p", json.dumps(_patch(step))]
        yield ["kubectl", "label", *named, f"{RUN}-"]
    if not ticket.steps:
        for namespace in sorted({ref.namespace for ref in ticket.targets if ref.namespace}):
            yield ["kubectl", "get", "pods", "-n", namespace]
    yield ["kubectl", "delete", "configmap", ticket.id, "-n", NAMESPACE]


def _named(ref: ObjectRef) -> list[str]:
    where = ["-n", ref.namespace] if ref.namespace else []
    return [ref.kind.lower(), ref.name, *where]


def _patch(step: UndoStep) -> dict[str, Any]:
    """Return the merge patch of a step; null takes away what was absent before."""
    patch: Any = step.before
    for key in reversed(step.path.split("/")[1:]):
        patch = {key.replace("~1", "/").replace("~0", "~"): patch}
    return dict(patch)
