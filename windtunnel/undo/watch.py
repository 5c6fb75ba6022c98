"""The janitor as a process of its own: sweep again and again until told to stop."""

import threading
from collections.abc import Callable

from windtunnel.clients.cluster import Cluster
from windtunnel.clock import Clock
from windtunnel.model.errors import ClusterError
from windtunnel.model.ticket import UndoState
from windtunnel.undo.attempt import LoadFault
from windtunnel.undo.sweep import Sweep, Swept, sweep

EVERY_S = 2.0

Tell = Callable[[str], None]


def watch(
    cluster: Cluster, *, clock: Clock, load_fault: LoadFault, stop: threading.Event, tell: Tell
) -> None:
    """Sweep every two seconds until *stop*; say what was done, and once when the cluster stops answering."""
    silent = ""
    unreadable: frozenset[str] = frozenset()
    while not stop.is_set():
        try:
            done = sweep(cluster, clock=clock, load_fault=load_fault)
        except Exception as error:  # noqa: BLE001 - a janitor that dies undoes nothing any more
            why = str(error) if isinstance(error, ClusterError) else f"{type(error).__name__}: {error}"
            if why != silent:
                tell(f"Nothing can be undone now, and it is tried again: {why}")
            silent = why
        else:
            if silent:
                tell(f"{cluster.label} answers again.")
            silent = ""
            for sentence in sentences(done):
                if sentence not in unreadable:
                    tell(sentence)
            unreadable = frozenset(one.error for one in done.unreadable)
        clock.wait(EVERY_S, until=stop)


def sentences(done: Sweep) -> tuple[str, ...]:
    """Say what one pass did, a sentence for each ticket."""
    return (*map(told, done.swept), *(one.error for one in done.unreadable), *done.untold)


def told(one: Swept) -> str:
    """Say what became of one ticket."""
    run = f"run {one.found.run_id}, {one.found.ticket.fault if one.found.ticket else 'a fault'}"
    steps = "; ".join(
        f"{step.what}: {step.error or step.drift}" if step.error or step.drift else step.what
        for step in one.report.steps
    )
    if one.report.state is UndoState.CLEAN:
        return f"Undone for {run} ({one.why}): {steps or 'nothing was to be put back'}."
    return f"Undo {one.report.state} for {run} ({one.why}), and it is tried again: {steps}."
