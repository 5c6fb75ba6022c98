"""Conditions of a status: changed without losing what others wrote, times kept where nothing changed."""

from collections.abc import Iterable
from datetime import datetime

from infra.lab.client import Object
from infra.lab.controllers.moments import as_time


def with_condition(
    conditions: Iterable[Object], kind: str, status: str, *, reason: str, message: str, now: datetime
) -> list[Object]:
    """The conditions with one set; the time of its last transition stays where its status does."""
    conditions = list(conditions)
    old = next((one for one in conditions if one["type"] == kind), None)
    new: Object = {"type": kind, "status": status, "lastTransitionTime": as_time(now), "reason": reason}
    if old is not None and old["status"] == status:
        new["lastTransitionTime"] = old.get("lastTransitionTime") or new["lastTransitionTime"]
    new["message"] = message
    if old is None:
        return [*conditions, new]
    return [new if one is old else one for one in conditions]


def without_condition(conditions: Iterable[Object], kind: str) -> list[Object]:
    """The conditions without one."""
    return [one for one in conditions if one["type"] != kind]
