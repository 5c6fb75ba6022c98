"""The containers of a pod as its node takes them over: their roles, policies and first records. Pure."""

from typing import Any, Literal

from infra.lab.node.container_record import (
    ContainerRecord,
    Terminated,
    Waiting,
    is_sidecar,
    restarts_after,
)

Object = dict[str, Any]
Role = Literal["initContainers", "containers", "ephemeralContainers"]

LOST_EXIT_CODE = 137
LOST_MESSAGE = "The container could not be located when the node agent started"


def policy_of(pod: Object, spec: Object, role: Role) -> str:
    """Under which restart policy one container of a pod runs."""
    policy = str(pod["spec"].get("restartPolicy", "Always"))
    if role == "ephemeralContainers":
        return "Never"
    if role == "initContainers":
        if is_sidecar(spec):
            return "Always"
        return "Never" if policy == "Never" else "OnFailure"
    return policy


def first_record(pod: Object, spec: Object, role: Role, *, now: str) -> ContainerRecord:
    """A container's record before this agent has started it.

    One that ran under an agent that died is lost: it goes on counting its restarts, or, where its policy does
    not restart it, has ended.
    """
    initialising = role == "containers" and pod["spec"].get("initContainers")
    record = ContainerRecord(spec, Waiting("PodInitializing" if initialising else "ContainerCreating"))
    before = pod.get("status", {})
    known = [*(before.get("containerStatuses") or []), *(before.get("initContainerStatuses") or [])]
    status: Object = next((item for item in known if item["name"] == spec["name"]), {})
    started = status.get("state", {}).get("running", {}).get("startedAt")
    if not started:
        return record
    container_id = status.get("containerID", "")
    lost = Terminated(LOST_EXIT_CODE, "ContainerStatusUnknown", started, now, container_id, LOST_MESSAGE)
    if restarts_after(policy_of(pod, spec, role), LOST_EXIT_CODE):
        record.last = lost
        record.restarts = status["restartCount"] + 1
    else:
        record.state = lost
    return record


def runs_on(pod: Object, records: list[ContainerRecord]) -> bool:
    """Whether any of a pod's containers is yet to end, or to be started again."""
    policy = pod["spec"].get("restartPolicy", "Always")
    ends = [record.state for record in records]
    return not all(isinstance(end, Terminated) and not restarts_after(policy, end.exit_code) for end in ends)
