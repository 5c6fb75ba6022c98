"""What is injected on a cluster now, by whom, until when, and whether its run still lives."""

from dataclasses import dataclass
from datetime import datetime

from windtunnel.clients import tickets
from windtunnel.clients.cluster import Cluster
from windtunnel.clients.ticket_body import TicketOnCluster
from windtunnel.clock import Clock
from windtunnel.undo.due import lives
from windtunnel.undo.sweep import held_until, server_time


@dataclass(frozen=True, slots=True)
class Standing:
    """One open ticket."""

    found: TicketOnCluster
    alive: bool  # its run holds a lease


@dataclass(frozen=True, slots=True)
class Standings:
    """Everything that windtunnel has under way on a cluster, at the API server's time."""

    at: datetime
    tickets: tuple[Standing, ...]
    holding: tuple[str, ...]  # runs that live and have no ticket: nothing is injected by them


def standings(cluster: Cluster, clock: Clock) -> Standings:
    """Read the open tickets, and which runs live.

    Raises:
        ClusterError: the cluster could not be asked.
    """
    found = tickets.list_open(cluster)
    held = held_until(cluster)
    now = server_time(cluster, clock)
    injected = {one.run_id for one in found}
    return Standings(
        at=now,
        tickets=tuple(Standing(one, lives(one.run_id, held, now)) for one in found),
        holding=tuple(sorted(run for run in held if run not in injected and lives(run, held, now))),
    )
