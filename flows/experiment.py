"""The main job: one chaos experiment, from its file to its verdict."""

from prefect import flow, runtime
from prefect.client.schemas.objects import State

from tasks.aftermath import undo_what_is_left
from tasks.baseline import baseline
from tasks.conclude import conclude
from tasks.failures import failures_recorded
from tasks.hold import hold_target
from tasks.inject import inject
from tasks.live_run import LiveRun
from tasks.observe import observe
from tasks.opening import experiment_name, open_run
from tasks.precheck import precheck
from tasks.recover import recover
from tasks.request import RunRequest
from tasks.resolve import resolve
from tasks.rollback import rollback
from tasks.signals import signals_ask_to_stop
from tasks.watching import watching
from windtunnel.redaction import redact


def named() -> str:
    """Return the flow run's name: the experiment, and the run id by which the ledger knows it."""
    request: RunRequest = runtime.flow_run.parameters["request"]
    return f"{redact(experiment_name(request))} {request.run_id}"


@flow(
    name="experiment",
    description="Runs one chaos experiment: checks that it may, injects, observes, undoes, and tells.",
    flow_run_name=named,
    persist_result=False,
    retries=0,
    on_crashed=[undo_what_is_left],
    on_cancellation=[undo_what_is_left],
)
def experiment(request: RunRequest) -> State[None]:
    """Run one experiment and end in a state named after its verdict.

    A verdict is not an error: blocked, deviated and aborted runs end in their own named state. What is
    raised is what must not be mistaken for a verdict: unusable input, a lost ledger, a termination signal.
    """
    with open_run(request) as run, signals_ask_to_stop(run):
        with failures_recorded(run):
            follow_the_runbook(run)
        return conclude(run)


def follow_the_runbook(run: LiveRun) -> None:
    """Take the steps in their order; whatever was injected is undone on every way out."""
    if not (resolve(run) and precheck(run)):
        return
    with hold_target(run) as held, watching(run):
        if not (held and baseline(run)):
            return
        try:
            if inject(run):
                observe(run)
        finally:
            rollback(run)
        if run.injected:
            recover(run)
