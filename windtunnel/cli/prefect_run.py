"""Run the flow in this process. The only module of the command line that imports Prefect."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, NoReturn

from httpx import HTTPError
from prefect.client.schemas.objects import State
from prefect.exceptions import CancelledRun, CrashedRun, FailedRun, PrefectException, TerminationSignal
from prefect.utilities.urls import url_for

from flows.experiment import experiment
from tasks.request import RunRequest
from windtunnel.cli.console import note
from windtunnel.clock import SystemClock
from windtunnel.ledger import open_ledger

# Before Prefect is asked again to begin a flow. A busy server needs a moment; one that hangs is not busy.
START_PAUSES_S = (1.0, 3.0, 6.0)
START_S = 20.0
TELL_S = 10.0  # what Prefect's server has for taking the last events and logs
_CLOCK = SystemClock()
_OF_PREFECT = (PrefectException, HTTPError)
_OF_A_STATE = (FailedRun, CrashedRun, CancelledRun)  # what Prefect makes of a named state without an error


@dataclass(frozen=True, slots=True)
class FlowEnd:
    """How the flow ended: with an error that is no verdict, or without; and where the UI shows it."""

    error: BaseException | None
    ui_url: str


def run_flow(request: RunRequest) -> FlowEnd:
    """Run the experiment flow in the main thread until it has undone everything and told its verdict."""
    try:
        with _survived_termination():
            state = _begin(request)
    except (KeyboardInterrupt, TerminationSignal) as signal:
        return FlowEnd(error=signal, ui_url="")
    except _OF_PREFECT as error:
        return FlowEnd(error=_unless_judged(request, error), ui_url="")
    run_id = state.state_details.flow_run_id
    ui_url = (url_for("flow-run", obj_id=run_id) or "") if run_id else ""
    found: object = state.result(raise_on_failure=False)
    if isinstance(found, BaseException) and not isinstance(found, _OF_A_STATE):
        return FlowEnd(error=_unless_judged(request, found), ui_url=ui_url)
    return FlowEnd(error=None, ui_url=ui_url)


def told_in_time() -> bool:
    """Wait, bounded, until Prefect has sent what it knows of the run; False when its server takes nothing.

    Prefect itself would wait for minutes for a server that is gone.
    """
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    until = _CLOCK.monotonic() + TELL_S
    for worker in (EventsWorker, APILogWorker):
        left_s = max(0.1, until - _CLOCK.monotonic())
        outcome: Any = worker.drain_all(timeout=left_s)
        if outcome.not_done:
            return False
    return True


def _begin(request: RunRequest) -> State[Any]:
    """Run the flow; ask again where Prefect's server could not even begin it.

    A server answers 503 when several flows begin at once. The record of a run begins with the first step of
    its flow, so a run that is not on record has checked nothing and changed nothing.
    """
    until = _CLOCK.monotonic() + START_S
    for pause_s in START_PAUSES_S:
        try:
            return experiment(request, return_state=True)
        except _OF_PREFECT as error:
            with open_ledger() as ledger:
                if ledger.run(request.run_id) is not None or _CLOCK.monotonic() > until:
                    raise
            note(f"Prefect's server could not begin the run ({type(error).__name__}); asking it again.")
            _CLOCK.wait(pause_s)
    return experiment(request, return_state=True)


def _unless_judged(request: RunRequest, error: BaseException) -> BaseException | None:
    """Drop an error of Prefect's once the verdict is on record: it concerns what Prefect shows alone."""
    if not isinstance(error, _OF_PREFECT):
        return error
    with open_ledger() as ledger:
        recorded = ledger.run(request.run_id)
    if recorded is None or recorded.exit_code is None:
        return error
    note(f"Prefect could not be told how the run ended ({type(error).__name__}: {error}); the record knows.")
    return None


@contextmanager
def _survived_termination() -> Iterator[None]:
    """Turn SIGTERM into an exception, so that the verdict can still be told.

    Prefect does so while the flow runs, but afterwards kills the process with the handler from before.
    """

    def terminated(number: int, _frame: FrameType | None) -> NoReturn:
        raise TerminationSignal(signal=number)

    before = signal.signal(signal.SIGTERM, terminated)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
