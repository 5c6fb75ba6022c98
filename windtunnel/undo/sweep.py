"""One pass of the janitor over one cluster: undo what is due, and remove what is long over.

Several janitors may sweep at once: undo compares before it restores, and every word on a ticket is written
at the version that was read.
"""

from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from windtunnel.clients import lease_body, tickets
from windtunnel.clients.cluster import Cluster
from windtunnel.clients.own_namespace import NAMESPACE
from windtunnel.clients.ticket_body import TicketOnCluster
from windtunnel.clock import Clock
from windtunnel.faults.marked_change import stands
from windtunnel.model.errors import ClusterError, ConflictError, NotFoundError
from windtunnel.model.ticket import UndoReport, UndoState
from windtunnel.undo.attempt import LoadFault, undo_and_close
from windtunnel.undo.due import Due, due, guarded, in_order, over
from windtunnel.undo.escalation import call_for, must_tell, recovered

AT_ONCE = 8  # runs that are undone at the same time


@dataclass(frozen=True, slots=True)
class Swept:
    """What became of one ticket."""

    found: TicketOnCluster
    why: str  # it was due
    report: UndoReport


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one pass did, and the open tickets that it could not read."""

    swept: tuple[Swept, ...] = ()
    unreadable: tuple[TicketOnCluster, ...] = ()
    untold: tuple[str, ...] = ()  # why people could not be called, or not in every way


def sweep(cluster: Cluster, *, clock: Clock, load_fault: LoadFault) -> Sweep:
    """Undo every ticket that is due, at the API server's time.

    Raises:
        ClusterError: the cluster could not be asked; nothing was undone then.
    """
    found = tickets.list_all(cluster)
    if not found:
        return Sweep()
    held = held_until(cluster)  # after the tickets: a run that began in between is not taken for dead
    now = server_time(cluster, clock)
    _reopen(cluster, guarded(found, now))
    swept = _undo(cluster, due(found, held, now), clock, load_fault)
    for one in over(found, now):
        tickets.delete(cluster, one.name)
    _release(cluster, {one.found.run_id for one in swept}, now)
    untold = _tell(cluster, swept, [one for one in found if must_tell(one, now)], now)
    return Sweep(swept, tuple(one for one in found if one.open and one.ticket is None), untold)


def undo_run(cluster: Cluster, run_id: str, *, clock: Clock, load_fault: LoadFault) -> tuple[Swept, ...]:
    """Undo every open ticket of one run because a person asks for it, whether the run lives or not.

    A run that lives finds its tickets closed, and stops.

    Raises:
        ClusterError: the tickets could not be read.
    """
    found = [one for one in tickets.list_all(cluster, run_id=run_id) if one.open]
    asked = [Due(one, "somebody asked for it") for one in in_order(found)]
    done = _undo(cluster, asked, clock, load_fault)
    for one in done:
        if one.report.state is UndoState.CLEAN:
            recovered(cluster, one.found, clock.now())  # who was called; a janitor tells whom this does not
    return done


def held_until(cluster: Cluster) -> dict[str, datetime | None]:
    """Return until when the leases of each run last; None for one whose lease says so of no time.

    Raises:
        ClusterError: the leases could not be read.
    """
    held: dict[str, datetime | None] = {}
    for lease in cluster.list("Lease", NAMESPACE):
        for one in lease_body.occupants(lease):
            known = held.get(one.run_id, one.until)
            held[one.run_id] = max(known, one.until) if known and one.until else None
    return held


def server_time(cluster: Cluster, clock: Clock) -> datetime:
    """Return the time by the API server's clock, as every janitor then judges by the same.

    Raises:
        ClusterError: it does not tell.
    """
    return clock.now() - timedelta(seconds=cluster.clock_skew_s(clock))


def _undo(cluster: Cluster, wanted: Sequence[Due], clock: Clock, load_fault: LoadFault) -> tuple[Swept, ...]:
    """Undo run by run: within one in its order, several runs at once."""
    runs: dict[str, list[Due]] = {}
    for one in wanted:
        runs.setdefault(one.found.run_id, []).append(one)

    def all_of(run: Iterable[Due]) -> list[Swept]:
        return [
            Swept(
                one.found,
                one.why,
                undo_and_close(cluster, one.found, one.found.ticket, clock=clock, load_fault=load_fault),
            )
            for one in run
            if one.found.ticket
        ]

    if not runs:
        return ()
    with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(runs)), thread_name_prefix="undo") as pool:
        return tuple(one for run in pool.map(all_of, runs.values()) for one in run)


def _tell(
    cluster: Cluster, swept: Sequence[Swept], closed: Sequence[TicketOnCluster], now: datetime
) -> tuple[str, ...]:
    """Tell people all at the same time, and again who could not be told; return who cannot be told now."""
    calls = [partial(_call, cluster, one, now) for one in swept]
    calls += [partial(recovered, cluster, one, now) for one in closed]
    if not calls:
        return ()
    with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(calls)), thread_name_prefix="tell") as pool:
        return tuple(why for untold in pool.map(lambda call: call(), calls) for why in untold)


def _call(cluster: Cluster, one: Swept, now: datetime) -> tuple[str, ...]:
    """Call people where undo fails again and again, and tell them when it is done after all."""
    if one.report.state is UndoState.CLEAN:
        return recovered(cluster, one.found, now)
    return call_for(cluster, one.found.name, now)


def _release(cluster: Cluster, runs: Collection[str], now: datetime) -> None:
    """Remove the leases of runs that were undone, where they have run out and nobody else is on them."""
    for lease in cluster.list("Lease", NAMESPACE) if runs else ():
        on_it = lease_body.occupants(lease)
        if all(one.run_id in runs and one.until and not one.holds_at(now) for one in on_it):
            metadata = lease["metadata"]
            with suppress(ConflictError, NotFoundError):  # somebody has taken it, or removed it
                cluster.delete(
                    "Lease", metadata["name"], NAMESPACE, resource_version=metadata["resourceVersion"]
                )


def _reopen(cluster: Cluster, closed: Iterable[TicketOnCluster]) -> None:
    """Open again what came to life after it was closed; the next pass undoes it, if its run does not."""
    for one in closed:
        with suppress(ClusterError):  # it is looked at again in the next pass
            if one.ticket and stands(cluster, one.ticket.steps, run_id=one.run_id):
                tickets.mark(cluster, one.name, "injected", expect=("undone",))
