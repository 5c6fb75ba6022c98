"""What controllers ask of a pod: is it ready, available, finished; and which of several goes first."""

from datetime import datetime

from infra.lab.client import Object
from infra.lab.controllers.moments import read_time, seconds_between
from infra.lab.controllers.ownership import is_going

_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}
_COST = "controller.kubernetes.io/pod-deletion-cost"


def phase(pod: Object) -> str:
    """The pod's phase."""
    return str((pod.get("status") or {}).get("phase", "Pending"))


def condition(item: Object, kind: str) -> Object | None:
    """A condition of an object's status."""
    conditions = (item.get("status") or {}).get("conditions") or ()
    return next((one for one in conditions if one["type"] == kind), None)


def is_true(item: Object, kind: str) -> bool:
    """Whether a condition holds."""
    found = condition(item, kind)
    return found is not None and found["status"] == "True"


def is_ready(pod: Object) -> bool:
    """Whether the pod says it is ready."""
    return is_true(pod, "Ready")


def is_finished(pod: Object) -> bool:
    """Whether all containers ended for good."""
    return phase(pod) in {"Succeeded", "Failed"}


def is_active(pod: Object) -> bool:
    """Whether the pod counts as a replica: neither finished nor on its way out."""
    return not is_finished(pod) and not is_going(pod)


def ready_for_s(pod: Object, now: datetime) -> float | None:
    """For how long the pod has been ready; None where it is not, 0 where it does not say since when."""
    found = condition(pod, "Ready")
    if found is None or found["status"] != "True":
        return None
    since = found.get("lastTransitionTime")
    return seconds_between(read_time(since), now) if since else 0.0


def available_in_s(pod: Object, min_ready_s: float, now: datetime) -> float | None:
    """Seconds until the pod counts as available, 0 or less where it does; None where it is not ready."""
    ready = ready_for_s(pod, now)
    return None if ready is None else (min_ready_s - ready if min_ready_s else 0.0)


def is_available(pod: Object, min_ready_s: float, now: datetime) -> bool:
    """Whether the pod has been ready for long enough."""
    left = available_in_s(pod, min_ready_s, now)
    return left is not None and left <= 0


def restarts(pod: Object) -> int:
    """How often containers of the pod were restarted, of the one that was most often."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return max((int(one.get("restartCount", 0)) for one in statuses), default=0)


def order_of_removal(pods: list[Object], doubled: dict[str, int] | None = None) -> list[Object]:
    """Pods in the order in which a surplus is removed: those that would be missed least come first.

    Unassigned before assigned, pending before running, unready before ready, cheap before dear, on a crowded
    node before on a lonely one (`doubled`: related pods by node), ready for a short time before for long,
    restarted often before seldom, young before old.
    """

    def rank(pod: Object) -> tuple[object, ...]:
        metadata, node = pod["metadata"], pod["spec"].get("nodeName", "")
        ready = condition(pod, "Ready") or {}
        since = ready.get("lastTransitionTime") or ""
        return (
            bool(node),
            _PHASES.get(phase(pod), 1),
            is_ready(pod),
            _cost(metadata),
            -(doubled or {}).get(node, 0),
            _newest_first(since) if is_ready(pod) else (),
            -restarts(pod),
            _newest_first(metadata.get("creationTimestamp", "")),
            metadata["name"],
        )

    return sorted(pods, key=rank)


def _cost(metadata: Object) -> int:
    text = (metadata.get("annotations") or {}).get(_COST, "0")
    return int(text) if text.lstrip("-").isdigit() else 0


def _newest_first(stamp: str) -> tuple[int, ...]:
    """Sorts timestamps of one form in reverse."""
    return tuple(-ord(letter) for letter in stamp)
