"""A deployment's status: counts, and the conditions that say whether it is available and gets anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from infra.lab.client import Object
from infra.lab.controllers.deployment_sets import limits, size, wanted
from infra.lab.controllers.moments import as_time, read_time, seconds_between
from infra.lab.controllers.pods import condition

NO_DEADLINE = 2**31 - 1
DONE = "NewReplicaSetAvailable"
TIMED_OUT = "ProgressDeadlineExceeded"
_PAUSED = "DeploymentPaused"
_RESUMED = "DeploymentResumed"


@dataclass(frozen=True, slots=True)
class Milestone:
    """A step of a rollout that counts as progress by itself: a ReplicaSet made, or found again."""

    reason: str
    message: str


def status_of(
    deployment: Object,
    new: Object | None,
    old: Sequence[Object],
    now: datetime,
    *,
    milestone: Milestone | None = None,
    failure: str = "",
) -> Object:
    """The whole status. Counts of 0 are left out, as the API does."""
    counts = _counts(new, old)
    status: Object = {"observedGeneration": deployment["metadata"].get("generation", 1)}
    status |= {name: count for name, count in counts.items() if count}
    terminating = [
        (one.get("status") or {}).get("terminatingReplicas") for one in (*((new,) if new else ()), *old)
    ]
    status["terminatingReplicas"] = sum(count or 0 for count in terminating)
    collisions = (deployment.get("status") or {}).get("collisionCount")
    if collisions is not None:
        status["collisionCount"] = collisions
    conditions = _Conditions((deployment.get("status") or {}).get("conditions") or [], now)
    _judge_progress(conditions, deployment, new, counts, milestone)
    _judge_availability(conditions, deployment, counts["availableReplicas"])
    _judge_failure(conditions, new, old, failure)
    if conditions.found:
        status["conditions"] = conditions.found
    return status


def _counts(new: Object | None, old: Sequence[Object]) -> dict[str, int]:
    sets = [one.get("status") or {} for one in (*((new,) if new else ()), *old)]
    total = sum(one.get("replicas", 0) for one in sets)
    available = sum(one.get("availableReplicas", 0) for one in sets)
    asked = sum(size(one) for one in (*((new,) if new else ()), *old))
    return {
        "replicas": total,
        "updatedReplicas": ((new or {}).get("status") or {}).get("replicas", 0),
        "readyReplicas": sum(one.get("readyReplicas", 0) for one in sets),
        "availableReplicas": available,
        "unavailableReplicas": max(0, asked - available),
    }


class _Conditions:
    """Conditions of a deployment, which carry the time of their last update as well."""

    def __init__(self, conditions: list[Object], now: datetime) -> None:
        self.found = list(conditions)
        self.now = now

    def get(self, kind: str) -> Object | None:
        return next((one for one in self.found if one["type"] == kind), None)

    def set(self, kind: str, status: str, reason: str, message: str, *, touch: bool = False) -> None:
        """Set one; touch moves the time of the update although nothing else changed."""
        old = self.get(kind)
        if old is not None and (old["status"], old.get("reason")) == (status, reason) and not touch:
            return
        stamp = as_time(self.now)
        since = old.get("lastTransitionTime") if old is not None and old["status"] == status else None
        new = {
            "type": kind,
            "status": status,
            "lastUpdateTime": stamp,
            "lastTransitionTime": since or stamp,
            "reason": reason,
            "message": message,
        }
        self.drop(kind)
        self.found.append(new)

    def drop(self, kind: str) -> None:
        self.found = [one for one in self.found if one["type"] != kind]


def _judge_availability(conditions: _Conditions, deployment: Object, available: int) -> None:
    if available >= wanted(deployment) - limits(deployment)[1]:
        words = "Deployment has minimum availability."
        conditions.set("Available", "True", "MinimumReplicasAvailable", words)
    else:
        words = "Deployment does not have minimum availability."
        conditions.set("Available", "False", "MinimumReplicasUnavailable", words)


def _judge_failure(conditions: _Conditions, new: Object | None, old: Sequence[Object], failure: str) -> None:
    if failure:
        conditions.set("ReplicaFailure", "True", "ReplicaSetCreateError", failure)
        return
    for one in ((new,) if new else ()) or old:
        found = condition(one, "ReplicaFailure")
        if found is not None:
            conditions.set(
                "ReplicaFailure", found["status"], found.get("reason", ""), found.get("message", "")
            )
            return
    conditions.drop("ReplicaFailure")


def _judge_progress(
    conditions: _Conditions,
    deployment: Object,
    new: Object | None,
    counts: dict[str, int],
    milestone: Milestone | None,
) -> None:
    if deployment["spec"].get("progressDeadlineSeconds", 600) >= NO_DEADLINE:
        return
    before = conditions.get("Progressing")
    if deployment["spec"].get("paused"):
        if before is None or before.get("reason") != TIMED_OUT:
            conditions.set("Progressing", "Unknown", _PAUSED, "Deployment is paused")
        return
    if before is not None and before.get("reason") == _PAUSED:
        conditions.set("Progressing", "Unknown", _RESUMED, "Deployment is resumed")
        before = conditions.get("Progressing")
    if milestone is not None:
        conditions.set("Progressing", "True", milestone.reason, milestone.message, touch=True)
        return
    if (
        before is not None
        and before.get("reason") == DONE
        and counts["replicas"] == counts["updatedReplicas"]
    ):
        return
    subject = (
        f'ReplicaSet "{new["metadata"]["name"]}"' if new else f'Deployment "{deployment["metadata"]["name"]}"'
    )
    if _is_complete(deployment, counts):
        conditions.set("Progressing", "True", DONE, f"{subject} has successfully progressed.")
    elif _got_somewhere(deployment, counts):
        conditions.set("Progressing", "True", "ReplicaSetUpdated", f"{subject} is progressing.", touch=True)
    elif seconds_left(deployment, before, conditions.now) <= 0:
        conditions.set("Progressing", "False", TIMED_OUT, f"{subject} has timed out progressing.")


def _is_complete(deployment: Object, counts: dict[str, int]) -> bool:
    replicas = wanted(deployment)
    return replicas == counts["updatedReplicas"] == counts["replicas"] == counts["availableReplicas"]


def _got_somewhere(deployment: Object, counts: dict[str, int]) -> bool:
    """Whether the counts are better than those of the last status."""
    last = deployment.get("status") or {}
    outdated = last.get("replicas", 0) - last.get("updatedReplicas", 0)
    return bool(
        counts["updatedReplicas"] > last.get("updatedReplicas", 0)
        or counts["replicas"] - counts["updatedReplicas"] < outdated
        or counts["readyReplicas"] > last.get("readyReplicas", 0)
        or counts["availableReplicas"] > last.get("availableReplicas", 0)
    )


def seconds_left(deployment: Object, progressing: Object | None, now: datetime) -> float:
    """Seconds until a rollout counts as stuck; infinite where it is over or has no deadline."""
    deadline = deployment["spec"].get("progressDeadlineSeconds", 600)
    if progressing is None or progressing.get("reason") in {DONE, _PAUSED} or deadline >= NO_DEADLINE:
        return float("inf")
    if progressing.get("reason") == TIMED_OUT:
        return 0.0
    since = progressing.get("lastUpdateTime")
    return float(deadline) - seconds_between(read_time(since), now) if since else float("inf")
