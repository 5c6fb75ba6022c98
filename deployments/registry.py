"""Which flows run when, as plain values: nothing here talks to Prefect."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scheduled:
    """One flow that runs by itself. Of two runs of it at once, the later is cancelled."""

    entrypoint: str  # module:flow, so that the flow has one name everywhere
    name: str
    every_s: float
    description: str
    tags: tuple[str, ...]


JANITOR = Scheduled(
    entrypoint="flows.janitor:janitor",
    name="janitor",
    every_s=60.0,
    description="Each minute: undo the faults of runs that died or hang, and give their records an end.",
    tags=("windtunnel", "safety"),
)
