"""Runs in the ledger: what was started with which files, how it ended, and how to find it again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from windtunnel.ledger.rows import understood
from windtunnel.ledger.tables import runs
from windtunnel.model.errors import InputError, LedgerError
from windtunnel.model.forms import from_millis, to_millis
from windtunnel.model.ticket import UndoState
from windtunnel.model.verdict import Judgement, Verdict
from windtunnel.redaction import redact

LAST = "last"  # the word for the newest run
_SHOWN = 3  # how many runs an ambiguous prefix is explained with


@dataclass(frozen=True, slots=True)
class Origin:
    """What a run was made from: enough to run it again exactly."""

    seed: int = 0
    triggered_by: str = ""
    experiment_source: str = ""  # where the text came from, for messages
    experiment_text: str = ""
    policy_source: str = ""
    policy_text: str = ""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One line of the history. Verdict, undo state, exit code and end are None while nothing is decided."""

    run_id: str
    experiment: str
    started_at: datetime
    finished_at: datetime | None
    verdict: Verdict | None
    undo: UndoState | None
    exit_code: int | None
    reason: str
    seed: int
    triggered_by: str


def insert_run(connection: Connection, run_id: str, experiment: str, *, at: datetime, origin: Origin) -> None:
    """Begin a run.

    Raises:
        LedgerError: a run of that id exists.
    """
    row = {
        "run_id": run_id,
        "experiment": redact(experiment),
        "started_at": to_millis(at),
        "reason": "",
        "seed": origin.seed,
        "triggered_by": redact(origin.triggered_by),
        "experiment_source": redact(origin.experiment_source),
        "experiment_text": redact(origin.experiment_text),
        "policy_source": redact(origin.policy_source),
        "policy_text": redact(origin.policy_text),
    }
    try:
        connection.execute(insert(runs).values(row))
    except IntegrityError as error:
        msg = f"A run {run_id} is in the ledger already; every run needs an id of its own."
        raise LedgerError(msg) from error


def finish_run(connection: Connection, run_id: str, judgement: Judgement, *, at: datetime) -> None:
    """Write how a run ended.

    Raises:
        LedgerError: there is no such run, or its end is written already; a verdict is never overwritten.
    """
    statement = (
        update(runs)
        .where(runs.c.run_id == run_id, runs.c.finished_at.is_(None))
        .values(
            finished_at=to_millis(at),
            verdict=str(judgement.verdict),
            undo=str(judgement.undo),
            exit_code=int(judgement.exit_code),
            reason=redact(judgement.reason),
        )
    )
    if connection.execute(statement).rowcount == 1:
        return
    why = (
        "it was never begun in this ledger" if select_run(connection, run_id) is None else "it ended already"
    )
    msg = f"Run {run_id} cannot be finished: {why}."
    raise LedgerError(msg)


def select_runs(connection: Connection, *, limit: int, experiment: str | None) -> tuple[RunSummary, ...]:
    """Return the newest runs first."""
    query = select(runs).order_by(runs.c.started_at.desc(), runs.c.run_id.desc()).limit(limit)
    if experiment is not None:
        query = query.where(runs.c.experiment == experiment)
    return tuple(summary(row) for row in connection.execute(query).mappings())


def select_run(connection: Connection, run_id: str) -> RunSummary | None:
    """Return the run of exactly that id, or None."""
    row = connection.execute(select(runs).where(runs.c.run_id == run_id)).mappings().one_or_none()
    return None if row is None else summary(row)


def find_run(connection: Connection, name: str) -> RunSummary:
    """Return the one run whose id is *name* or begins with it; "last" is the newest.

    Raises:
        InputError: there is none, or more than one.
    """
    if name == LAST:
        newest = select_runs(connection, limit=1, experiment=None)
        if not newest:
            msg = "There is no run yet. Start one with: windtunnel run FILE"
            raise InputError(msg)
        return newest[0]
    query = (
        select(runs)
        .where(func.substr(runs.c.run_id, 1, len(name)) == name)  # LIKE minds the case in PostgreSQL alone
        .order_by(runs.c.started_at.desc())
        .limit(_SHOWN + 1)
    )
    found = tuple(summary(row) for row in connection.execute(query).mappings())
    exact = [run for run in found if run.run_id == name]
    if exact or (name and len(found) == 1):
        return (exact or list(found))[0]
    raise InputError(_not_one(name, found))


def select_origin(connection: Connection, run_id: str) -> Origin:
    """Return what the run *run_id*, which exists, was made from."""
    row = connection.execute(select(runs).where(runs.c.run_id == run_id)).mappings().one()
    return Origin(
        seed=row["seed"],
        triggered_by=row["triggered_by"],
        experiment_source=row["experiment_source"],
        experiment_text=row["experiment_text"],
        policy_source=row["policy_source"],
        policy_text=row["policy_text"],
    )


def _not_one(name: str, found: tuple[RunSummary, ...]) -> str:
    if not name or not found:
        return f"No run begins with {name!r}. See them with: windtunnel history"
    shown = ", ".join(run.run_id for run in found[:_SHOWN])
    more = ", ..." if len(found) > _SHOWN else ""
    return f"{name!r} is the beginning of several runs ({shown}{more}); write more of the one you mean."


def summary(row: Mapping[Any, Any]) -> RunSummary:
    """Read a row of `runs`."""
    with understood(f"Run {row['run_id']}"):
        return RunSummary(
            run_id=row["run_id"],
            experiment=row["experiment"],
            started_at=from_millis(row["started_at"]),
            finished_at=None if row["finished_at"] is None else from_millis(row["finished_at"]),
            verdict=None if row["verdict"] is None else Verdict(row["verdict"]),
            undo=None if row["undo"] is None else UndoState(row["undo"]),
            exit_code=row["exit_code"],
            reason=row["reason"],
            seed=row["seed"],
            triggered_by=row["triggered_by"],
        )
