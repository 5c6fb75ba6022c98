"""The safety lever in both of its places: a config map on the cluster, and a Prefect variable."""

import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from contextvars import copy_context
from datetime import datetime

from guardrails.facts import HaltLever
from tasks.prefect_variables import read_variable
from tasks.prospect import Prospect
from windtunnel.clients import halt
from windtunnel.clients.cluster import Cluster
from windtunnel.model.declaration import Declaration, instant, read_declaration
from windtunnel.model.errors import SourceError, WindtunnelError
from windtunnel.model.policy import Policy

ALSO_S = 0.2  # for the other place, once one is known to be pulled: it may say until when
WITHIN_S = 2.5  # for both; below the time that the watchdog gives its quick facts
Reading = Declaration | WindtunnelError


def halt_lever(run: Prospect, _policy: Policy) -> HaltLever:
    """Read both places at once; either one pulled is the answer, whatever the other one does.

    Raises:
        SourceError: no place is known to be pulled, and at least one could not be read in time.
    """
    now = run.clock.now()
    looks: Mapping[str, Callable[[], Declaration]] = {
        f"config map {halt.LEVER}": lambda: on_cluster(run.cluster),
        f"Prefect variable {halt.VARIABLE}": lambda: read_declaration(read_variable(halt.VARIABLE)),
    }
    answers: queue.SimpleQueue[tuple[str, Reading]] = queue.SimpleQueue()
    for place, look in looks.items():
        threading.Thread(  # left behind where it hangs: a lever known to be pulled must not wait for it
            target=copy_context().run,
            args=(_answer, answers, place, look),
            name=f"lever-{place}",
            daemon=True,
        ).start()
    read: dict[str, Reading] = {}
    until = run.clock.monotonic() + WITHIN_S
    while len(read) < len(looks):
        try:
            place, told = answers.get(timeout=max(0.0, until - run.clock.monotonic()))
        except queue.Empty:
            break
        read[place] = told
        if isinstance(told, Declaration) and told.holds(now):
            until = min(until, run.clock.monotonic() + ALSO_S)
    return _judged(looks, read, now)


def _judged(places: Iterable[str], read: Mapping[str, Reading], now: datetime) -> HaltLever:
    pulled = {p: told for p, told in read.items() if isinstance(told, Declaration) and told.holds(now)}
    if pulled:
        return _combined(pulled, endless=len(read) < len(tuple(places)))
    late = SourceError(f"no answer within {WITHIN_S:g} s")
    errors = {place: read.get(place, late) for place in places}
    failed = [f"{place}: {told}" for place, told in errors.items() if isinstance(told, WindtunnelError)]
    if failed:
        raise SourceError("; ".join(failed))
    return HaltLever(pulled=False)


def _answer(
    answers: "queue.SimpleQueue[tuple[str, Reading]]", place: str, look: Callable[[], Declaration]
) -> None:
    answers.put((place, _try(look)))


def _combined(pulled: Mapping[str, Declaration], *, endless: bool) -> HaltLever:
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


def on_cluster(cluster: Cluster) -> Declaration:
    """Read the config map: whatever stands there counts as pulled, until its end."""
    lever = halt.read(cluster)
    return Declaration(lever.pulled, lever.reason, lever.by, instant(lever.at), instant(lever.until))


def _try(look: Callable[[], Declaration]) -> Reading:
    try:
        return look()
    except WindtunnelError as error:
        return error
