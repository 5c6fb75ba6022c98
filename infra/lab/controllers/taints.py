"""Taints and tolerations: what a node turns away, and who may come or stay all the same."""

from collections.abc import Iterable, Sequence

from infra.lab.client import Object

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
PRESSURES = {
    "MemoryPressure": "node.kubernetes.io/memory-pressure",
    "DiskPressure": "node.kubernetes.io/disk-pressure",
    "PIDPressure": "node.kubernetes.io/pid-pressure",
    "NetworkUnavailable": "node.kubernetes.io/network-unavailable",
}


def taints_of(node: Object, *effects: str) -> list[Object]:
    """A node's taints, of these effects only where some are named."""
    taints = (node.get("spec") or {}).get("taints") or ()
    return [taint for taint in taints if not effects or taint["effect"] in effects]


def tolerates(toleration: Object, taint: Object) -> bool:
    """Whether a toleration covers a taint."""
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    if (toleration.get("operator") or "Equal") == "Exists":
        return True
    return bool(toleration.get("key")) and toleration.get("value", "") == taint.get("value", "")


def untolerated(tolerations: Iterable[Object], taints: Iterable[Object]) -> Object | None:
    """The first taint that nothing tolerates."""
    tolerations = list(tolerations)
    return next((taint for taint in taints if not any(tolerates(one, taint) for one in tolerations)), None)


def may_stay_s(tolerations: Sequence[Object], taints: Sequence[Object]) -> float | None:
    """Seconds a pod may stay on a node with these NoExecute taints: 0 at once, None without end."""
    if not taints:
        return None
    used = [one for one in tolerations if any(tolerates(one, taint) for taint in taints)]
    if untolerated(tolerations, taints) is not None:
        return 0.0
    limits = [
        max(0.0, float(one["tolerationSeconds"])) for one in used if one.get("tolerationSeconds") is not None
    ]
    return min(limits, default=None)
