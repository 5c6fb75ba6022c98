"""Run the flow in this process. The only module of the command line that imports Prefect."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

from prefect.exceptions import CancelledRun, CrashedRun, FailedRun, TerminationSignal
from prefect.utilities.urls import url_for

from flows.experiment import experiment
from tasks.request import RunRequest

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
            state = experiment(request, return_state=True)
    except (KeyboardInterrupt, TerminationSignal) as signal:
        return FlowEnd(error=signal, ui_url="")
    run_id = state.state_details.flow_run_id
    ui_url = (url_for("flow-run", obj_id=run_id) or "") if run_id else ""
    found: object = state.result(raise_on_failure=False)
    if isinstance(found, BaseException) and not isinstance(found, _OF_A_STATE):
        return FlowEnd(error=found, ui_url=ui_url)
    return FlowEnd(error=None, ui_url=ui_url)


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
