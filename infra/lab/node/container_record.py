"""What is known of one container, and how containerStatuses tells it."""

from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not running yet, or not running again yet."""

    reason: str
    message: str = ""

    def as_state(self) -> Object:
        """As one ContainerState."""
        return {"waiting": {"reason": self.reason} | ({"message": self.message} if self.message else {})}


@dataclass(frozen=True, slots=True)
class Running:
    """A process is there."""

    started_at: str

    def as_state(self) -> Object:
        """As one ContainerState."""
        return {"running": {"startedAt": self.started_at}}


@dataclass(frozen=True, slots=True)
class Terminated:
    """The process ended. A signal n shows as exit code 128 + n."""

    exit_code: int
    reason: str
    started_at: str
    finished_at: str
    container_id: str
    message: str = ""

    def as_state(self) -> Object:
        """As one ContainerState."""
        told: Object = {
            "exitCode": self.exit_code,
            "reason": self.reason,
            "startedAt": self.started_at,
            "finishedAt": self.finished_at,
            "containerID": self.container_id,
        }
        return {"terminated": told | ({"message": self.message} if self.message else {})}


State = Waiting | Running | Terminated


@dataclass(slots=True)
class ContainerRecord:
    """The changing facts of one container.

    Attributes:
        spec: its entry in the pod's spec.
        state: now.
        last: how it ended the time before, once it was restarted.
        restarts: how often it was started again.
        ready: its readiness probe's word, true without one while running.
        started: its startup probe's word, true without one while running.
        container_id: the newest process; empty before the first.
    """

    spec: Object
    state: State
    last: Terminated | None = None
    restarts: int = 0
    ready: bool = False
    started: bool = False
    container_id: str = ""
    image_id: str = ""
    resources: Object | None = field(default=None)

    @property
    def name(self) -> str:
        """The container's name."""
        return str(self.spec["name"])

    @property
    def outcome(self) -> Terminated | None:
        """How it ended last, whether or not it waits to be started again."""
        return self.state if isinstance(self.state, Terminated) else self.last

    def as_status(self) -> Object:
        """As one entry of containerStatuses."""
        told: Object = {
            "name": self.name,
            "state": self.state.as_state(),
            "lastState": self.last.as_state() if self.last else {},
            "ready": self.ready,
            "restartCount": self.restarts,
            "image": self.spec["image"],
            "imageID": self.image_id,
        }
        if self.container_id:
            told["containerID"] = self.container_id
        told["started"] = self.started
        if self.resources is not None:
            told["resources"] = self.resources
            if self.resources.get("requests"):
                told["allocatedResources"] = self.resources["requests"]
        return told


def is_sidecar(spec: Object) -> bool:
    """Whether an init container keeps running beside the others."""
    return spec.get("restartPolicy") == "Always"


def restarts_after(policy: str, exit_code: int) -> bool:
    """Whether a container that ended so is started again under a restart policy."""
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def back_off_seconds(previous: float, *, first: float, most: float, ran_seconds: float) -> float:
    """How long to wait before the next start: nothing, then ``first``, then twice as long each time.

    Args:
        previous: the wait before the last start; negative when there was no restart yet.
        first: the first wait that is not zero, in seconds.
        most: the longest wait.
        ran_seconds: how long the container ran this time; twice ``most`` forgives everything before.
    """
    if previous < 0 or ran_seconds >= 2 * most:
        return 0.0
    return min(most, max(first, 2 * previous))
