"""`windtunnel janitor`: undo what runs that died have left behind."""

from typing import TYPE_CHECKING, Annotated

import typer

from windtunnel.cli.console import note, say
from windtunnel.cli.halt import Where
from windtunnel.model.verdict import ExitCode

if TYPE_CHECKING:
    from windtunnel.clients.cluster import Cluster

Watch = Annotated[bool, typer.Option("--watch", "-w", help="Go on until stopped, looking every 2 seconds.")]


def register(app: typer.Typer) -> None:
    """Add the verb to *app*."""
    app.command("janitor")(janitor)


def janitor(cluster: Where = "", *, watch: Watch = False) -> None:
    """Undo the faults of runs that died, or whose time is up.

    It needs nothing but the cluster, and never undoes a run that lives. Several at once do no harm. Where the
    ledger is at hand, the runs' records are closed as well. Exit status without --watch: 0 when all that was
    due is undone, 6 when it is not.
    """
    from windtunnel.cli.dead_records import close_records
    from windtunnel.cli.place import named_cluster
    from windtunnel.clock import SystemClock
    from windtunnel.faults import load_fault
    from windtunnel.model.ticket import UndoState
    from windtunnel.undo.sweep import sweep
    from windtunnel.undo.watch import sentences

    place, clock = named_cluster(cluster), SystemClock()
    if watch:
        _watch(place)
        return
    done = sweep(place, clock=clock, load_fault=load_fault)
    for sentence in sentences(done):
        say(sentence)
    if not (done.swept or done.unreadable):
        say(f"Nothing is due on {place.label}.")
    close_records(place, tell=note)
    left = [one for one in done.swept if one.report.state is not UndoState.CLEAN]
    if left or done.unreadable:
        raise typer.Exit(ExitCode.UNDO_NOT_CLEAN)


def _watch(place: "Cluster") -> None:
    """Sweep until SIGINT or SIGTERM, finishing what is under way."""
    import signal
    import threading

    from windtunnel.cli.dead_records import keep_closing
    from windtunnel.clock import SystemClock
    from windtunnel.faults import load_fault
    from windtunnel.undo.watch import watch

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    note(f"Watching over {place.label}.")
    keep_closing(place, stop=stop, tell=_told_with_time)
    watch(place, clock=SystemClock(), load_fault=load_fault, stop=stop, tell=_told_with_time)


def _told_with_time(sentence: str) -> None:
    from windtunnel.clock import SystemClock
    from windtunnel.model.forms import stamp

    say(f"{stamp(SystemClock().now())} {sentence}")
