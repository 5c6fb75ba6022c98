"""One container's life: pull, start, probe, end, start again; and its graceful stop."""

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence
from typing import Any

from infra.lab.node import container_health, images, moments
from infra.lab.node.container_launch import ContainerLauncher
from infra.lab.node.container_log import ContainerLog
from infra.lab.node.container_record import (
    ContainerRecord,
    Running,
    Terminated,
    Waiting,
    back_off_seconds,
    restarts_after,
)
from infra.lab.node.deadline import Deadline
from infra.lab.node.environment import ConfigError
from infra.lab.node.image_pull import ImagePull
from infra.lab.node.spawner import Process, StartError
from infra.lab.node.workshop import PodPlace, Workshop

LOG = logging.getLogger("lab.node.containers")


class ContainerRunner:
    """Runs one container until it is over for good; :attr:`record` always tells how it is."""

    def __init__(
        self,
        record: ContainerRecord,
        *,
        place: PodPlace,
        workshop: Workshop,
        policy: str,
        field: str,
        changed: Callable[[], None],
    ) -> None:
        self.record = record
        self.started = asyncio.Event()
        self._place = place
        self._workshop = workshop
        self._policy = policy
        self._field = field
        self._changed = changed
        self._stopping = False
        self._news = asyncio.Event()
        self._process: Process | None = None
        self._launcher = ContainerLauncher(record, place, workshop)
        self._wait = -1.0
        self._began = 0.0

    async def run(self) -> None:
        """Start it, and start it again as its restart policy says, until it is over or stopped."""
        if isinstance(self.record.state, Terminated):
            return  # it ended together with an agent that died, and is not to run again
        pull = ImagePull(self.record, self._workshop.timings, tell=self.tell, changed=self._changed)
        while not self._stopping:
            image = await pull.fetch(self._pause)
            if image is None:
                return
            try:
                await self._launch(image)
            except ConfigError as error:
                self._show(Waiting("CreateContainerConfigError", str(error)))
                self.tell("Failed", f"Error: {error}", warning=True)
                await self._pause(self._workshop.timings.config_retry)
                continue
            if self._process is not None:
                await self._attend(self._process)
            if not await self._start_again():
                return

    async def stop(self, deadline: Deadline) -> None:
        """Ask it to end (preStop, SIGTERM) and kill it at the deadline. Returns when it is gone."""
        self._refuse_restarts()
        process = self._process
        if process is None:
            return
        self.tell("Killing", f"Stopping container {self.record.name}")
        over = asyncio.ensure_future(deadline.passed())
        asking = asyncio.ensure_future(self._ask_to_end(process))
        either: list[asyncio.Future[Any]] = [over, process.ended]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
            asking.cancel()
        process.signal(signal.SIGKILL)
        await asyncio.wait({process.ended})

    def kill(self) -> None:
        """End it at once and do not start it again."""
        self._refuse_restarts()
        if self._process is not None:
            self._process.signal(signal.SIGKILL)

    @property
    def logs(self) -> list[ContainerLog]:
        """The log of the newest start, after that of the one before it."""
        return self._launcher.logs

    @property
    def stopping(self) -> bool:
        """Whether it was asked to end for good."""
        return self._stopping

    def _refuse_restarts(self) -> None:
        self._stopping = True
        self._news.set()

    async def change_image(self, image: str) -> None:
        """Take a new image: the running process is replaced."""
        self.record.spec = self.record.spec | {"image": image}
        self._news.set()
        if self._process is not None:
            self.tell("Killing", f"Container {self.record.name} definition changed, will be restarted")
            await self._end_for_restart()

    def tell(self, reason: str, message: str, *, warning: bool = False) -> None:
        """Record an event about this container."""
        self._workshop.events.about_pod(self._place.pod, reason, message, warning=warning, field=self._field)

    async def execute(self, command: Sequence[str]) -> tuple[int, str]:
        """Run a command beside the container's process, as an exec probe does."""
        return await self._launcher.execute(command)

    async def _launch(self, image: images.Image) -> None:
        program = await self._launcher.prepare(image)
        self.tell("Created", "Container created")
        self._began = asyncio.get_running_loop().time()
        try:
            self._process = await self._launcher.launch(program)
        except StartError as error:
            now = moments.timestamp()
            message = f"failed to start container: exec: {error}"
            self._show(Terminated(128, "StartError", now, now, self.record.container_id, message))
            self.tell("Failed", f"Error: {message}", warning=True)
            return
        if self._stopping:
            self._process.signal(signal.SIGKILL)
        self.tell("Started", "Container started")

    async def _attend(self, process: Process) -> None:
        """Be there while it runs: probes, hooks, its end."""
        record, started_at = self.record, moments.timestamp()
        record.ready = not record.spec.get("readinessProbe") and not record.spec.get("startupProbe")
        record.started = not record.spec.get("startupProbe")
        self._show(Running(started_at))
        if record.started:
            self.started.set()
        health = asyncio.ensure_future(
            container_health.watch_over(self, self._place, self._workshop.timings, self._end_for_restart)
        )
        health.add_done_callback(self._show_defect)
        code = await asyncio.shield(process.ended)
        health.cancel()
        await asyncio.wait({health})
        self._process = None
        await self.logs[-1].settle()
        record.ready = record.started = False
        self._show(
            Terminated(
                code if code >= 0 else 128 - code,
                "Completed" if code == 0 else "Error",
                started_at,
                moments.timestamp(),
                record.container_id,
            )
        )

    def _show_defect(self, health: "asyncio.Future[None]") -> None:
        if not health.cancelled() and (defect := health.exception()) is not None:
            LOG.error("probes of %s in %s failed", self.record.name, self._place.full_name, exc_info=defect)

    async def _end_for_restart(self) -> None:
        """End the process within the pod's grace period; the restart policy decides what follows."""
        process = self._process
        if process is None:
            return
        process.signal(signal.SIGTERM)
        grace = self._place.pod["spec"].get("terminationGracePeriodSeconds", 30)
        await asyncio.wait({process.ended}, timeout=grace)
        process.signal(signal.SIGKILL)

    async def _ask_to_end(self, process: Process) -> None:
        hook = (self.record.spec.get("lifecycle") or {}).get("preStop")
        if hook:
            await container_health.run_hook(self, hook, self._place)
        process.signal(signal.SIGTERM)

    async def _start_again(self) -> bool:
        """Wait as the back-off says, then True; False when the container is over."""
        ended, timings = self.record.state, self._workshop.timings
        if self._stopping or not isinstance(ended, Terminated):
            return False
        if not restarts_after(self._policy, ended.exit_code):
            return False
        ran = asyncio.get_running_loop().time() - self._began
        self._wait = back_off_seconds(
            self._wait, first=timings.back_off, most=timings.most_back_off, ran_seconds=ran
        )
        self.record.last = ended
        if self._wait > 0:
            about = f"container={self.record.name} pod={self._place.full_name}"
            self._show(
                Waiting("CrashLoopBackOff", f"back-off {_duration(self._wait)} restarting failed {about}")
            )
            about = f"container {self.record.name} in pod {self._place.full_name}"
            self.tell("BackOff", f"Back-off restarting failed {about}", warning=True)
            await self._pause(self._wait)
        if self.stopping:
            return False
        self.record.restarts += 1
        return True

    async def _pause(self, seconds: float) -> bool:
        """Wait, but not past a stop or a new image; True when the container was stopped."""
        waiting = asyncio.ensure_future(self._news.wait())
        await asyncio.wait({waiting}, timeout=seconds)
        waiting.cancel()
        self._news.clear()
        return self._stopping

    def show(self, *, ready: bool | None = None, started: bool | None = None) -> None:
        """Take a probe's verdict into the record."""
        record = self.record
        before = (record.ready, record.started)
        record.ready = record.ready if ready is None else ready
        record.started = record.started if started is None else started
        if record.started:
            self.started.set()
        if before != (record.ready, record.started):
            self._changed()

    def _show(self, state: Waiting | Running | Terminated) -> None:
        self.record.state = state
        self._changed()


def _duration(seconds: float) -> str:
    """Seconds as Go prints a duration: 10s, 1m20s."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
