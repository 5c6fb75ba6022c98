"""Starting a container's processes: its environment, its folder, its log, and commands beside it."""

import asyncio
import secrets
import signal
from collections.abc import Sequence
from pathlib import Path

from infra.lab.node import environment, images
from infra.lab.node.container_log import ContainerLog
from infra.lab.node.container_record import ContainerRecord
from infra.lab.node.spawner import Process, Program, StartError
from infra.lab.node.workshop import PodPlace, Workshop


class ContainerLauncher:
    """Starts one container's process, as often as it is asked to.

    Attributes:
        logs: the log of the newest start, and of the one before it.
    """

    def __init__(self, record: ContainerRecord, place: PodPlace, workshop: Workshop) -> None:
        self.logs: list[ContainerLog] = []
        self._record = record
        self._place = place
        self._workshop = workshop
        self._home = place.folder / record.name
        self._environment: dict[str, str] = {}

    async def prepare(self, image: images.Image) -> Program:
        """Make the environment, and tell what will run; the record gets the new container's ids.

        Raises:
            ConfigError: the environment refers to something absent.
        """
        record, spec = self._record, self._record.spec
        self._home.mkdir(exist_ok=True)
        self._environment = await environment.container_environment(
            self._place.pod,
            spec,
            api=self._workshop.api,
            services=self._workshop.services(self._place.pod["metadata"]["namespace"]),
            home=self._home,
            address=self._place.address,
            node_ip=self._place.node_ip,
        )
        record.container_id = f"lab://{secrets.token_hex(32)}"
        record.image_id = images.image_id(spec["image"])
        record.resources = spec.get("resources", {})
        return images.program(image, self._words("command"), self._words("args"))

    async def launch(self, program: Program) -> Process:
        """Start it, with a log of its own.

        Raises:
            StartError: there is no such program.
        """
        return await self._spawn(program, self._new_log(), name=self._place.pod["metadata"]["name"])

    async def execute(self, command: Sequence[str]) -> tuple[int, str]:
        """Run a command beside the container's process; returns its exit code and output."""
        log = ContainerLog(self._home.with_suffix(f".exec.{secrets.token_hex(4)}"))
        try:
            process = await self._spawn(Program(tuple(command)), log, name="exec")
            try:
                # Shielded: when a probe's timeout cancels this, the process must still be there to be killed.
                code = await asyncio.shield(process.ended)
            finally:
                process.signal(signal.SIGKILL)
            await log.settle()
        except StartError as error:
            return 126, str(error)
        finally:
            output = log.take()
        return code, output

    def _words(self, part: str) -> list[str]:
        return [environment.expand(word, self._environment) for word in self._record.spec.get(part) or []]

    async def _spawn(self, program: Program, log: ContainerLog, *, name: str) -> Process:
        cwd = _folder(self._record.spec.get("workingDir", ""), self._home)
        return await self._workshop.spawner.start(
            program, env=self._environment, cwd=cwd, name=name, output=await log.open()
        )

    def _new_log(self) -> ContainerLog:
        """A log for this start; the one before it is kept for ``--previous``."""
        number = self._record.restarts
        self.logs = [*self.logs[-1:], ContainerLog(self._home.with_suffix(f".{number}.log"))]
        for ending in ("log", "older"):
            self._home.with_suffix(f".{number - 2}.{ending}").unlink(missing_ok=True)
        return self.logs[-1]


def _folder(wanted: str, otherwise: Path) -> Path:
    """Where to run: images bring no folders, so the one a pod names may not exist here."""
    path = Path(wanted)
    return path if wanted and path.is_dir() else otherwise
