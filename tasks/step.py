"""A step of a run as a Prefect task that ends in a named state and tells the flow whether to go on."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from tasks.live_run import LiveRun
from tasks.prefect_logs import keep_secrets_out
from windtunnel.model.errors import WindtunnelError
from windtunnel.redaction import redact, secrets_kept_in

PREFECT_S = 10.0


@dataclass(frozen=True, slots=True)
class Ending:
    """How a step ended. *name* is what the Prefect UI shows; a step that failed is red there."""

    go_on: bool
    name: str
    message: str
    failed: bool = False

    def state(self) -> State[None]:
        """Return it as the Prefect state of the task run."""
        kind = Failed if self.failed else Completed
        return kind(name=self.name, message=redact(self.message))


def step(name: str) -> Callable[[Callable[[LiveRun], Ending]], Callable[[LiveRun], bool]]:
    """Make a function over a live run a Prefect task named *name*, without retries, cache or stored result.

    Retries are off because a step that changes the cluster must not do so twice; what may be asked again
    (reads) is retried in the clients. An exception inside the function is raised to the flow as it is.

    Once Prefect's server has taken longer than PREFECT_S to begin and end a step, the steps left do without
    it: each of its calls waits for half a minute for a server that hangs, and a run must end.
    """

    def wrap(function: Callable[[LiveRun], Ending]) -> Callable[[LiveRun], bool]:
        @task(
            name=name,
            task_run_name=name,
            description=function.__doc__,
            cache_policy=NO_CACHE,
            persist_result=False,
            retries=0,
        )
        def body(run: LiveRun, box: _Box) -> State[None]:
            began = run.clock.monotonic()
            try:
                with secrets_kept_in():
                    box.ending = function(run)
            except WindtunnelError as error:  # foreseen: shown as a sentence, without a traceback
                box.error = error
                return Failed(name=type(error).__name__.removesuffix("Error"), message=str(error))
            finally:
                box.took_s = run.clock.monotonic() - began
            return box.ending.state()

        def call(run: LiveRun) -> bool:
            if run.without_prefect:
                with secrets_kept_in():
                    return function(run).go_on
            box, began = _Box(), run.clock.monotonic()
            state = body(run, box, return_state=True)
            run.without_prefect = run.clock.monotonic() - began - box.took_s > PREFECT_S
            if box.error is not None:
                raise box.error
            if box.ending is None:
                state.result()  # raises what Prefect kept of an unforeseen error
                msg = f"the step {name} ended without saying how"
                raise RuntimeError(msg)
            return box.ending.go_on

        call.__doc__ = function.__doc__
        return call

    return wrap


class _Box:
    """Carries what a step found out past Prefect, which hands on states alone."""

    def __init__(self) -> None:
        self.ending: Ending | None = None
        self.error: WindtunnelError | None = None
        self.took_s = 0.0  # without what Prefect took to begin and to end it


def _without_empty_traceback(record: logging.LogRecord) -> bool:
    """Take the words "NoneType: None" off Prefect's log of a task that returned a failed state."""
    if record.exc_info and record.exc_info[0] is None:
        record.exc_info = None
    return True


logging.getLogger("prefect.task_runs").addFilter(_without_empty_traceback)
keep_secrets_out()
