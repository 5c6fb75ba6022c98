"""The condition that says why somebody takes a pod away."""

from datetime import datetime

from infra.lab.client import Object
from infra.lab.controllers.moments import as_time


def disruption_target(pod: Object, reason: str, message: str, now: datetime) -> Object:
    """The pod's status with the condition set."""
    status = pod.get("status") or {}
    others = [one for one in status.get("conditions") or () if one["type"] != "DisruptionTarget"]
    target = {
        "type": "DisruptionTarget",
        "observedGeneration": pod["metadata"].get("generation", 1),
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": as_time(now),
        "reason": reason,
        "message": message,
    }
    return {**status, "conditions": [*others, target]}
