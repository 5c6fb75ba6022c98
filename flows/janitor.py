"""The janitor as a Prefect flow: undo for runs that died, on every known cluster, and close their records."""

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.sweeping import close_records, conclude_sweep, sweep_clusters


@flow(
    name="janitor",
    description="Undoes the faults of runs that died or hang, and gives their records an end.",
    persist_result=False,
    retries=0,
)
def janitor() -> State[None]:
    """Sweep once, and end in a state that says what was found."""
    swept = sweep_clusters()
    settled = close_records()
    return conclude_sweep(swept, settled)
