"""A flow run that somebody cancels in Prefect stops, undoes, and ends as cancelled.

A worker ends its process by SIGTERM then. A run that was started by hand has nobody who would: it asks.
"""

import threading
from uuid import UUID

from prefect import runtime

from tasks.live_run import LiveRun
from tasks.prefect_api import asking
from windtunnel.model.errors import PrefectApiError

EVERY_S = 2.0
WORDS = "Somebody cancelled the flow run in Prefect."


def watch_for_cancellation(run: LiveRun, done: threading.Event) -> None:
    """Stop *run* once Prefect says that its flow run is being cancelled, until *done*.

    A server that does not answer says nothing: it can be lost in mid-run without harm.
    """
    if not (flow_run := runtime.flow_run.id):
        return
    while not run.clock.wait(EVERY_S, until=done):
        try:
            with asking("reading the state of the flow run") as client:
                state = client.read_flow_run(UUID(flow_run)).state
        except PrefectApiError:
            continue
        if state and (state.is_cancelling() or state.is_cancelled()):
            run.cancelled = True
            run.stop("operator", WORDS)
            return
