"""The steps of the janitor's flow."""

from dataclasses import dataclass

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed

from tasks.known_clusters import known_clusters
from tasks.prefect_logs import keep_secrets_out
from tasks.settle import settle, settle_untouched
from windtunnel.clock import SystemClock
from windtunnel.faults import load_fault
from windtunnel.ledger import open_ledger
from windtunnel.model.errors import ClusterError
from windtunnel.model.ticket import UndoState
from windtunnel.redaction import redact, secrets_kept_in
from windtunnel.undo.sweep import sweep
from windtunnel.undo.watch import told

CLOCK = SystemClock()
keep_secrets_out()


@dataclass(frozen=True, slots=True)
class Found:
    """What the janitor did, and what it could not do: a sentence each."""

    done: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


@task(name="sweep", cache_policy=NO_CACHE, persist_result=False, retries=0)
@secrets_kept_in()
def sweep_clusters() -> Found:
    """Undo what is due on every known cluster; one that does not answer keeps no other from its own."""
    log = get_run_logger()
    done: list[str] = []
    left: list[str] = []
    for cluster in known_clusters().values():
        try:
            found = sweep(cluster, clock=CLOCK, load_fault=load_fault)
        except ClusterError as error:
            left.append(str(error))
            continue
        for one in found.swept:
            (done if one.report.state is UndoState.CLEAN else left).append(told(one))
        left += [one.error for one in found.unreadable] + list(found.untold)
    for sentence in (*done, *left):
        log.warning("%s", sentence)
    return Found(tuple(done), tuple(left))


@task(name="close records", cache_policy=NO_CACHE, persist_result=False, retries=0)
@secrets_kept_in()
def close_records() -> Found:
    """Give the runs that died their end in the ledger."""
    settled: list[str] = []
    left: list[str] = []
    with open_ledger() as ledger:
        settled += settle_untouched(ledger, clock=CLOCK)
        for cluster in known_clusters().values():
            try:
                settled += settle(ledger, cluster, clock=CLOCK, load_fault=load_fault)
            except ClusterError as error:
                left.append(str(error))
    return Found(tuple(f"The record of run {run_id} has its end." for run_id in settled), tuple(left))


def conclude_sweep(swept: Found, settled: Found) -> State[None]:
    """Return the Prefect state that shows what was found; what could not be undone is a failure."""
    left = tuple(dict.fromkeys((*swept.left, *settled.left)))
    done = (*swept.done, *settled.done)
    if left:
        return Failed(name="UndoFailed", message=redact(" ".join((*left, *done))))
    if done:
        return Completed(name="Undone", message=redact(" ".join(done)))
    return Completed(name="NothingDue", message="Nothing was left behind by any run.")
