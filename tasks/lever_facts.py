"""The safety lever in both of its places: a config map on the cluster, and a Prefect variable."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from guardrails.facts import HaltLever
from tasks.prefect_variables import read_variable
from tasks.prospect import Prospect
from windtunnel.clients import halt
from windtunnel.clients.cluster import Cluster
from windtunnel.model.declaration import Declaration, instant, read_declaration
from windtunnel.model.errors import SourceError, WindtunnelError
from windtunnel.model.policy import Policy

Reading = Declaration | WindtunnelError


def halt_lever(run: Prospect, _policy: Policy) -> HaltLever:
    """Read both places at once; either one pulled is the answer, and one that cannot be read is none.

    Raises:
        SourceError: no place is known to be pulled, and at least one could not be read.
    """
    now = run.clock.now()
    looks: dict[str, Callable[[], Declaration]] = {
        f"config map {halt.LEVER}": lambda: _on_cluster(run.cluster),
        f"Prefect variable {halt.VARIABLE}": lambda: read_declaration(read_variable(halt.VARIABLE)),
    }
    with ThreadPoolExecutor(max_workers=len(looks), thread_name_prefix="lever") as pool:
        asked = {place: pool.submit(copy_context().run, _try, look) for place, look in looks.items()}
        read = {place: answer.result() for place, answer in asked.items()}
    pulled = {p: told for p, told in read.items() if isinstance(told, Declaration) and told.holds(now)}
    errors = [f"{place}: {told}" for place, told in read.items() if isinstance(told, WindtunnelError)]
    if pulled:
        return _combined(pulled, endless=bool(errors))
    if errors:
        raise SourceError("; ".join(errors))
    return HaltLever(pulled=False)


def _combined(pulled: dict[str, Declaration], *, endless: bool) -> HaltLever:
    first = next(iter(pulled.values()))
    ends = [told.until for told in pulled.values()]
    until = None if endless or not all(ends) else max(end for end in ends if end)
    return HaltLever(
        pulled=True,
        reason=first.reason,
        by=first.by,
        pulled_at=first.at,
        until=until,
        where=" and ".join(pulled),
    )


def _on_cluster(cluster: Cluster) -> Declaration:
    """Read the config map: whatever stands there counts as pulled, until its end."""
    lever = halt.read(cluster)
    return Declaration(lever.pulled, lever.reason, lever.by, instant(lever.at), instant(lever.until))


def _try(look: Callable[[], Declaration]) -> Reading:
    try:
        return look()
    except WindtunnelError as error:
        return error
