"""One pod's life on a node: set up, initialise, run, end; as the kubelet's pod worker does it."""

import asyncio
import logging
import shutil
from collections.abc import Coroutine, Iterator
from typing import Any

from infra.lab.client import ApiError
from infra.lab.node import moments, pod_containers, pod_status
from infra.lab.node.container_record import (
    Running,
    Terminated,
    Waiting,
    is_sidecar,
)
from infra.lab.node.container_runner import ContainerRunner
from infra.lab.node.deadline import Deadline
from infra.lab.node.following import CONNECTION_ERRORS
from infra.lab.node.pod_containers import Role
from infra.lab.node.racing import first_of, unless
from infra.lab.node.status_publisher import StatusPublisher
from infra.lab.node.workshop import Object, PodPlace, Workshop

LOG = logging.getLogger("lab.node.pods")

FINISHED = ("Succeeded", "Failed")
DELETE_RETRY_S = 0.3


class PodWorker:
    """Runs one pod. Feed it what the watch says; :meth:`run` returns when the pod is gone."""

    def __init__(self, pod: Object, *, address: str, node_ip: str, workshop: Workshop) -> None:
        self.uid: str = pod["metadata"]["uid"]
        folder = workshop.folder / self.uid
        self.place = PodPlace(pod, address, node_ip, folder)
        self._workshop = workshop
        self._publisher = StatusPublisher(pod, api=workshop.api, build=self._status)
        before = pod.get("status", {})
        self._start_time: str = before.get("startTime") or moments.timestamp()
        self._over = before.get("phase") in FINISHED
        self._network = False
        spec = pod["spec"]
        self._init = [self._runner(item, "initContainers") for item in spec.get("initContainers") or []]
        self._main = [self._runner(item, "containers") for item in spec["containers"]]
        self._ephemeral: list[ContainerRunner] = []
        self._tasks: dict[ContainerRunner, asyncio.Task[None]] = {}
        self._changing: dict[ContainerRunner, asyncio.Task[None]] = {}
        self._deadline: Deadline | None = None
        self._ending = asyncio.Event()
        self._removed = asyncio.Event()

    @property
    def over(self) -> bool:
        """Whether nothing of the pod runs, or will run, any more."""
        return self._over

    def update(self, pod: Object) -> None:
        """Take a newer version of the pod."""
        self._publisher.seen(pod)
        self.place.pod = self._publisher.pod
        meta = pod["metadata"]
        if meta.get("deletionTimestamp"):
            grace = float(meta.get("deletionGracePeriodSeconds") or 0)
            if self._deadline is None:
                self._deadline = Deadline(grace)
                self._ending.set()
            else:
                self._deadline.shorten(grace)
            return
        if self._network and not self._over:
            self._start_ephemeral(pod)
            self._change_images(pod)

    def remove(self) -> None:
        """The pod is no longer on the API server: nothing of it may run on."""
        self._publisher.gone = True
        self._removed.set()

    def runner(self, container: str) -> ContainerRunner | None:
        """The runner of a container by name."""
        return next((runner for runner in self._runners() if runner.record.name == container), None)

    async def run(self) -> None:
        """Live the pod's life."""
        publishing = asyncio.ensure_future(self._publisher.run())
        living = asyncio.ensure_future(self._live())
        try:
            await first_of(living, self._ending.wait(), self._removed.wait())
            if living.done():
                living.result()  # an error in here is a defect: show it
                await first_of(self._ending.wait(), self._removed.wait())
            if not self._removed.is_set():
                await self._end_gracefully(living)
        finally:
            living.cancel()
            publishing.cancel()
            await self._end_at_once()
            shutil.rmtree(self.place.folder, ignore_errors=True)

    async def _live(self) -> None:
        """From the first status to the last, if it ends by itself."""
        if self._over:
            return
        self.place.folder.mkdir(parents=True, exist_ok=True)
        await self._publisher.flush()
        self._network = True
        if await self._initialise():
            for runner in self._main:
                self._start(runner)
            self._start_ephemeral(self.place.pod)
            done, _ = await asyncio.wait([self._tasks[runner] for runner in self._main])
            for task in done:
                task.result()  # an error in here is a defect: show it
        await self._finish(Deadline(self.place.pod["spec"].get("terminationGracePeriodSeconds", 30)))

    async def _initialise(self) -> bool:
        """Run init containers one after another; False when one failed for good."""
        for runner in self._init:
            task = self._start(runner)
            if is_sidecar(runner.record.spec):
                await first_of(asyncio.shield(task), runner.started.wait())
                continue
            await asyncio.wait({task})
            ended = runner.record.state
            if not isinstance(ended, Terminated) or ended.exit_code != 0:
                return False
            runner.record.ready = True
        for runner in self._main:
            if isinstance(runner.record.state, Waiting):
                runner.record.state = Waiting("ContainerCreating")
        return True

    async def _end_gracefully(self, living: "asyncio.Future[None]") -> None:
        """Deleted with a grace period: stop what runs, say how it ended, confirm the deletion."""
        if not self._over:
            assert self._deadline is not None  # noqa: S101 - set together with the event that leads here
            living.cancel()
            running = [runner for runner in self._runners() if not is_sidecar(runner.record.spec)]
            await unless(self._removed, _all(runner.stop(self._deadline) for runner in running))
            await unless(self._removed, self._finish(self._deadline))
        await unless(self._removed, self._confirm())

    async def _finish(self, deadline: Deadline) -> None:
        """Stop sidecars and what else is left, wait for all, publish the last status."""
        for runner in reversed(self._runners()):
            await runner.stop(deadline)
        if self._tasks:
            await asyncio.wait(self._tasks.values())
        self._over = True
        self._publisher.changed()
        await self._publisher.flush()

    async def _end_at_once(self) -> None:
        for runner in self._runners():
            runner.kill()
        if self._tasks:
            await asyncio.wait(self._tasks.values())
        self._over = True

    async def _confirm(self) -> None:
        """Tell the API server that nothing runs any more: the pod may go. Waits until it has gone."""
        meta = self.place.pod["metadata"]
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "gracePeriodSeconds": 0,
            "preconditions": {"uid": self.uid},
        }
        while True:
            try:
                await self._workshop.api.delete(path, options)
            except ApiError as error:
                if error.status not in (404, 409):
                    LOG.exception("API server refuses to delete %s", path)
            except CONNECTION_ERRORS as error:
                LOG.info("API server does not answer, deleting %s again: %r", path, error)
                await asyncio.sleep(DELETE_RETRY_S)
                continue
            break
        await self._removed.wait()  # a finalizer may hold it for long

    def _start(self, runner: ContainerRunner) -> asyncio.Task[None]:
        self._tasks[runner] = asyncio.create_task(runner.run())
        return self._tasks[runner]

    def _start_ephemeral(self, pod: Object) -> None:
        known = {runner.record.name for runner in self._ephemeral}
        for spec in pod["spec"].get("ephemeralContainers") or []:
            if spec["name"] not in known:
                runner = self._runner(spec, "ephemeralContainers")
                self._ephemeral.append(runner)
                self._start(runner)

    def _change_images(self, pod: Object) -> None:
        images = {item["name"]: item["image"] for item in pod["spec"]["containers"]}
        for runner in self._main:
            image = images.get(runner.record.name)
            if image and image != runner.record.spec["image"]:
                self._changing[runner] = asyncio.create_task(runner.change_image(image))

    def _runners(self) -> list[ContainerRunner]:
        return [*self._init, *self._main, *self._ephemeral]

    def _runner(self, spec: Object, role: Role) -> ContainerRunner:
        pod = self.place.pod
        return ContainerRunner(
            pod_containers.first_record(pod, spec, role, now=moments.timestamp()),
            place=self.place,
            workshop=self._workshop,
            policy=pod_containers.policy_of(pod, spec, role),
            field=f"spec.{role}{{{spec['name']}}}",
            changed=self._publisher.changed,
        )

    def _ended(self) -> bool:
        """Whether nothing runs and nothing will be started again, even if a task has yet to notice."""
        if any(isinstance(runner.record.state, Running) for runner in self._runners()):
            return False
        if self._ending.is_set():
            return True
        return not pod_containers.runs_on(self.place.pod, [runner.record for runner in self._main])

    def _status(self, pod: Object) -> Object:
        facts = pod_status.PodFacts(
            init=[runner.record for runner in self._init],
            main=[runner.record for runner in self._main],
            ephemeral=[runner.record for runner in self._ephemeral],
            over=self._over or self._ended(),
            has_network=self._network,
            address=self.place.address if self._network else "",
            node_ip=self.place.node_ip,
            start_time=self._start_time,
        )
        return pod_status.status(pod, facts, now=moments.timestamp())


async def _all(things: Iterator[Coroutine[Any, Any, None]]) -> None:
    await asyncio.gather(*things)
