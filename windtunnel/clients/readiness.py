"""Whether a workload, pod or node is as it should be, read off its object. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Readiness:
    """How many replicas a workload wants and has. *settled* also asks that no rollout is under way."""

    wanted: int
    existing: int  # pods that are not terminating
    ready: int
    settled: bool

    @property
    def complete(self) -> bool:
        """Say whether all that is wanted is there, current and ready, and nothing more."""
        return self.settled and self.ready == self.wanted == self.existing

    def __str__(self) -> str:
        rollout = "" if self.settled else ", rollout under way"
        return f"{self.ready} of {self.wanted} ready{rollout}"


def workload_readiness(workload: Object) -> Readiness:
    """Read the counters of a deployment, stateful set, daemon set or replica set; absent ones are 0."""
    spec, status = workload.get("spec") or {}, workload.get("status") or {}
    observed = int(status.get("observedGeneration", 0)) >= int(workload["metadata"].get("generation", 0))
    if workload.get("kind") == "DaemonSet":
        wanted = int(status.get("desiredNumberScheduled", 0))
        current = int(status.get("updatedNumberScheduled", 0)) == wanted
        existing, ready = int(status.get("currentNumberScheduled", 0)), int(status.get("numberReady", 0))
        return Readiness(wanted, existing, ready, settled=observed and current)
    wanted = int(spec.get("replicas", 1))
    current = True
    if workload.get("kind") == "Deployment":
        available = int(status.get("availableReplicas", 0)) == wanted
        current = int(status.get("updatedReplicas", 0)) == wanted and available
    elif workload.get("kind") == "StatefulSet":
        current = status.get("currentRevision") == status.get("updateRevision")
    existing, ready = int(status.get("replicas", 0)), int(status.get("readyReplicas", 0))
    return Readiness(wanted, existing, ready, settled=observed and current)


def workload_trouble(workload: Object) -> str:
    """Say what is the matter with a workload: too few ready, or a rollout; empty when nothing is."""
    readiness = workload_readiness(workload)
    progressing = condition(workload, "Progressing") or {}
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return "its rollout is stuck (ProgressDeadlineExceeded)"
    if readiness.ready < readiness.wanted:
        return f"{readiness.ready} of {readiness.wanted} are ready"
    return "" if readiness.complete else "a rollout is in progress"


_PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")
_LEAVING = ("ToBeDeletedByClusterAutoscaler", "node.kubernetes.io/out-of-service")
_REBOOTING = "weave.works/kured-reboot-in-progress"


def node_trouble(node: Object) -> str:
    """Say what is the matter with a node: not ready, being upgraded or emptied; empty when nothing is."""
    spec, metadata = node.get("spec") or {}, node["metadata"]
    if not is_true(node, "Ready"):
        return "not ready"
    if spec.get("unschedulable"):
        return "cordoned, as for an upgrade"
    taints = [taint.get("key") for taint in spec.get("taints") or ()]
    if leaving := next((key for key in _LEAVING if key in taints), ""):
        return f"about to leave ({leaving})"
    if _REBOOTING in (metadata.get("annotations") or {}):
        return "rebooting (kured)"
    return next((f"under {name}" for name in _PRESSURES if is_true(node, name)), "")


def condition(item: Object, name: str) -> Mapping[str, Any] | None:
    """Return the condition called *name*, or None where the object does not have it."""
    conditions = (item.get("status") or {}).get("conditions") or ()
    return next((c for c in conditions if c.get("type") == name), None)


def is_true(item: Object, name: str) -> bool:
    """Say whether the condition called *name* has status "True"."""
    found = condition(item, name)
    return found is not None and found.get("status") == "True"


def pod_is_ready(pod: Object) -> bool:
    """Say whether a pod takes traffic: ready and not being deleted."""
    return is_true(pod, "Ready") and not pod["metadata"].get("deletionTimestamp")


def is_finished(pod: Object) -> bool:
    """Say whether a pod has ended for good; its phase then stays Succeeded or Failed."""
    return (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}


def controller(item: Object) -> Mapping[str, Any] | None:
    """Return the owner reference of the controller that replaces this object, if there is one."""
    owners: Iterable[Mapping[str, Any]] = item["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), None)
