"""Close the record of a run that died: what was undone for it goes on record, and it gets its verdict.

The ledger's copy of a ticket serves where the one on the cluster is gone: then the undo is done, and
verified, from here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from windtunnel.clients import tickets
from windtunnel.clients.cluster import Cluster
from windtunnel.clock import Clock
from windtunnel.faults.shape import Fault
from windtunnel.files import parse_experiment
from windtunnel.ledger import Ledger, RunSummary, StoredTicket, TicketState
from windtunnel.model.errors import InputError, LedgerError
from windtunnel.model.judge import judge
from windtunnel.model.record import Event, EventKind
from windtunnel.model.ticket import UndoReport, UndoState
from windtunnel.model.verdict import end_of
from windtunnel.undo.attempt import undone
from windtunnel.undo.due import lives
from windtunnel.undo.sweep import held_until, server_time

QUIET = timedelta(seconds=60)  # a run that lives puts something on record more often than that
LOOKS_BACK = 200  # runs; an older one that nobody finished was settled long ago
_ORDER = list(UndoState)
_OBSERVED = (
    EventKind.RECOVERED,
    EventKind.NOT_RECOVERED,
    EventKind.BLOCKED,
    EventKind.BASELINE_MISSED,
)  # to its end


def settle(
    ledger: Ledger, cluster: Cluster, *, clock: Clock, load_fault: Callable[[str], Fault]
) -> tuple[str, ...]:
    """Give every run that died on *cluster* its end; return their ids.

    A run whose ticket is still open on the cluster is left until that is undone.

    Raises:
        LedgerError: the record could not be read or written.
        ClusterError: the cluster could not be asked.
    """
    quiet = [run for run in _unfinished(ledger) if _quiet_since(ledger, run) + QUIET < clock.now()]
    if not quiet:
        return ()
    on_cluster = {one.name: one for one in tickets.list_all(cluster)}
    held, now = held_until(cluster), server_time(cluster, clock)
    settled = []
    for run in quiet:
        mine = ledger.tickets(run.run_id)
        waiting = any(one.open and one.run_id == run.run_id for one in on_cluster.values())
        if not mine or waiting or lives(run.run_id, held, now):
            continue
        reports = {name: one.report for name, one in on_cluster.items()}
        if not (_named(cluster, mine) or all(reports.get(one.ticket.id) for one in mine)):
            continue  # it may be another cluster than the run's: what is not there proves nothing
        _close(ledger, cluster, run, mine, reports, clock, load_fault)
        settled.append(run.run_id)
    return tuple(settled)


def settle_untouched(ledger: Ledger, *, clock: Clock) -> tuple[str, ...]:
    """Give every run that died before it had a ticket its end: there is nothing to undo.

    Raises:
        LedgerError: the record could not be read or written.
    """
    settled = []
    for run in _unfinished(ledger):
        if ledger.tickets(run.run_id) or _quiet_since(ledger, run) + QUIET >= clock.now():
            continue
        _conclude(ledger, run, [], clock)
        settled.append(run.run_id)
    return tuple(settled)


def _named(cluster: Cluster, mine: Sequence[StoredTicket]) -> bool:
    """Say whether the tickets are of *cluster* by its name; the kube context may be another one by now."""
    return bool(cluster.name) and all(one.ticket.cluster == cluster.name for one in mine)


def _unfinished(ledger: Ledger) -> list[RunSummary]:
    return [run for run in ledger.runs(limit=LOOKS_BACK) if run.finished_at is None]


def _quiet_since(ledger: Ledger, run: RunSummary) -> datetime:
    record = ledger.read(run.run_id)
    times = [event.at for event in record.events] + [sample.at for sample in record.samples[-20:]]
    return max(times, default=run.started_at)


def _close(  # noqa: PLR0917 - private, one caller above
    ledger: Ledger,
    cluster: Cluster,
    run: RunSummary,
    mine: Sequence[StoredTicket],
    reports: Mapping[str, UndoReport | None],
    clock: Clock,
    load_fault: Callable[[str], Fault],
) -> None:
    """Put the undo of each ticket on record, last in first out, and conclude."""
    closing = [_event(clock, EventKind.UNDO_STARTED, "Undoing for a run that died.", by="janitor")]
    worst = UndoState.CLEAN
    for stored in reversed(mine):
        report = reports.get(stored.ticket.id) or undone(cluster, stored.ticket, load_fault)
        for step in report.steps:
            told = f"{step.what}: {step.error or step.drift}" if step.error or step.drift else step.what
            data = asdict(step) | {"ticket": report.ticket_id, "again": False}
            closing.append(_event(clock, EventKind.UNDONE, told, **data))
        worst = max(worst, report.state, key=_ORDER.index)
        _move(ledger, stored, report)
    message = f"Undone by the janitor: {worst}."
    closing.append(_event(clock, EventKind.UNDO_FINISHED, message, state=str(worst), by="janitor"))
    _conclude(ledger, run, closing, clock)


def _move(ledger: Ledger, stored: StoredTicket, report: UndoReport) -> None:
    end = TicketState.UNDONE if report.state is UndoState.CLEAN else TicketState.FAILED
    if stored.state is TicketState.UNDONE:
        return
    ledger.move_ticket(stored.ticket.id, expect=stored.state, to=TicketState.UNDOING)
    ledger.move_ticket(stored.ticket.id, expect=TicketState.UNDOING, to=end)


def _conclude(ledger: Ledger, run: RunSummary, closing: list[Event], clock: Clock) -> None:
    """Judge the run, and write its end with the events of *closing*: all of it, or nothing.

    Of several janitors that close a run at once, one writes; the others find it done.
    """
    record = ledger.read(run.run_id)
    if not any(map(record.first, _OBSERVED)):
        died = "The process of this run died, or was lost."
        closing = [*closing, _event(clock, EventKind.ABORT, died, by="died")]
    try:
        experiment = parse_experiment(ledger.origin(run.run_id).experiment_text, "experiment.yaml")
    except InputError:  # written by another version: it cannot be judged here
        return
    judgement = judge(replace(record, events=(*record.events, *closing)), experiment)
    end = end_of(judgement, at=clock.now())
    try:
        ledger.finish(run.run_id, judgement, events=[*closing, end], at=end.at)
    except LedgerError:
        known = ledger.run(run.run_id)
        if known is None or known.finished_at is None:
            raise


def _event(clock: Clock, kind: EventKind, message: str, **data: object) -> Event:
    return Event(at=clock.now(), kind=kind, message=message, data=data)
