"""What watches over a running container: its probes, and the hooks at its start and end."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from infra.lab.node.container_record import ContainerRecord
from infra.lab.node.probing import Look, Looker, keep_probing
from infra.lab.node.workshop import PodPlace, Timings

Object = dict[str, Any]


class Patient(Protocol):
    """The container, as its probes and hooks see it."""

    record: ContainerRecord

    @property
    def stopping(self) -> bool:
        """Whether it was asked to end: then only readiness is still looked at."""
        ...

    async def execute(self, command: Sequence[str]) -> tuple[int, str]:
        """Run a command in the container."""
        ...

    def show(self, *, ready: bool | None = None, started: bool | None = None) -> None:
        """Take a verdict."""

    def tell(self, reason: str, message: str, *, warning: bool = False) -> None:
        """Record an event."""


async def watch_over(
    patient: Patient, place: PodPlace, timings: Timings, end_for_restart: Callable[[], Awaitable[None]]
) -> None:
    """Run the start hook, then the startup probe, then readiness and liveness until cancelled."""
    spec = patient.record.spec
    looker = _looker(patient, place)
    hook = (spec.get("lifecycle") or {}).get("postStart")
    if hook and (problem := await run_hook(patient, hook, place)):
        patient.tell("FailedPostStartHook", problem, warning=True)
        await end_for_restart()
        return
    if startup := spec.get("startupProbe"):
        seen = _teller(patient, "Startup")
        if not await keep_probing(
            startup, looker.look, first_s=timings.first_probe, good_at_first=False, seen=seen, until_good=True
        ):
            patient.tell(
                "Killing", f"Container {patient.record.name} failed startup probe, will be restarted"
            )
            await end_for_restart()
            return
        patient.show(started=True, ready=not spec.get("readinessProbe"))
    async with asyncio.TaskGroup() as group:
        if readiness := spec.get("readinessProbe"):
            group.create_task(_keep_ready(patient, readiness, looker, timings))
        if liveness := spec.get("livenessProbe"):
            group.create_task(_keep_alive(patient, liveness, looker, timings, end_for_restart))


async def _keep_ready(patient: Patient, probe: Object, looker: Looker, timings: Timings) -> None:
    tell = _teller(patient, "Readiness")

    def seen(good: bool, look: Look) -> None:  # noqa: FBT001 - the callback's shape
        tell(good, look)
        patient.show(ready=good)

    await keep_probing(probe, looker.look, first_s=timings.first_probe, good_at_first=False, seen=seen)


async def _keep_alive(
    patient: Patient,
    probe: Object,
    looker: Looker,
    timings: Timings,
    end_for_restart: Callable[[], Awaitable[None]],
) -> None:
    tell = _teller(patient, "Liveness")
    failed = asyncio.Event()

    def seen(good: bool, look: Look) -> None:  # noqa: FBT001 - the callback's shape
        tell(good, look)
        if not good:
            failed.set()

    looking = asyncio.ensure_future(
        keep_probing(probe, looker.look, first_s=timings.first_probe, good_at_first=True, seen=seen)
    )
    try:
        await failed.wait()
    finally:
        looking.cancel()
    if patient.stopping:
        return
    patient.tell("Killing", f"Container {patient.record.name} failed liveness probe, will be restarted")
    await end_for_restart()


def _teller(patient: Patient, kind: str) -> Callable[[bool, Look], None]:
    def seen(_good: bool, look: Look) -> None:  # noqa: FBT001 - the callback's shape
        if not look.good:
            patient.tell("Unhealthy", f"{kind} probe failed: {look.message}", warning=True)

    return seen


async def run_hook(patient: Patient, hook: Object, place: PodPlace) -> str:
    """Run a lifecycle hook to its end; returns what went wrong, or nothing."""
    if pause := hook.get("sleep"):
        await asyncio.sleep(pause["seconds"])
        return ""
    if command := hook.get("exec"):
        code, output = await patient.execute(command["command"])
        return "" if code == 0 else f"hook exited with {code}: {output.strip()}"
    found = await _looker(patient, place).look(hook | {"timeoutSeconds": 30})
    return "" if found.good else found.message


def _looker(patient: Patient, place: PodPlace) -> Looker:
    ports = {
        port["name"]: port["containerPort"]
        for port in patient.record.spec.get("ports") or []
        if "name" in port
    }
    return Looker(place.address, ports, patient.execute)
