"""Finding a container's image in the lab's table, and what its status says while that fails."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from infra.lab.node import images
from infra.lab.node.container_record import ContainerRecord, Waiting
from infra.lab.node.workshop import Timings


class Tell(Protocol):
    """Records an event."""

    def __call__(self, reason: str, message: str, *, warning: bool = False) -> None:
        """Record it."""


class ImagePull:
    """Pulls for one container, with the waits between failures growing."""

    def __init__(
        self, record: ContainerRecord, timings: Timings, *, tell: Tell, changed: Callable[[], None]
    ) -> None:
        self._record = record
        self._timings = timings
        self._tell = tell
        self._changed = changed

    async def fetch(self, pause: Callable[[float], Awaitable[bool]]) -> images.Image | None:
        """The image's row; waits as long as there is none. None when the container was stopped meanwhile.

        Args:
            pause: waits so many seconds, or less when something changed; True when the container was stopped.
        """
        wait = self._timings.back_off
        while True:
            name = self._record.spec["image"]
            if (found := images.find(name)) is not None:
                self._tell("Pulled", f'Container image "{name}" already present on machine')
                return found
            if self._record.spec.get("imagePullPolicy") == "Never":
                self._never(name)
            else:
                problem = self._fail(name)
                if await pause(self._timings.pull_error):
                    return None
                self._back_off(name, problem)
            if await pause(wait):
                return None
            wait = min(self._timings.most_back_off, wait * 2)

    def _never(self, name: str) -> None:
        message = f'Container image "{name}" is not present with pull policy of Never'
        self._wait_for("ErrImageNeverPull", message)
        self._tell("ErrImageNeverPull", message, warning=True)
        self._tell("Failed", "Error: ErrImageNeverPull", warning=True)

    def _fail(self, name: str) -> str:
        problem = (
            f'failed to pull and unpack image "{name}": not found: the lab runs only the images of its table'
        )
        self._tell("Pulling", f'Pulling image "{name}"')
        self._tell("Failed", f'Failed to pull image "{name}": {problem}', warning=True)
        self._tell("Failed", "Error: ErrImagePull", warning=True)
        self._wait_for("ErrImagePull", problem)
        return problem

    def _back_off(self, name: str, problem: str) -> None:
        self._tell("BackOff", f'Back-off pulling image "{name}"')
        self._tell("Failed", "Error: ImagePullBackOff", warning=True)
        self._wait_for("ImagePullBackOff", f'Back-off pulling image "{name}": ErrImagePull: {problem}')

    def _wait_for(self, reason: str, message: str) -> None:
        self._record.state = Waiting(reason, message)
        self._changed()
