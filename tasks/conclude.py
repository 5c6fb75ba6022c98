"""The end of a run: verdict from the record, told everywhere, shown as a Prefect state."""

import re

from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.states import Cancelled, Completed, Failed

from tasks.live_run import LiveRun
from tasks.step import Ending, step
from windtunnel.model.judge import judge
from windtunnel.model.ticket import UndoState
from windtunnel.model.verdict import Judgement, Verdict
from windtunnel.redaction import redact
from windtunnel.report.prefect_artifact import prefect_description, prefect_markdown

_GOOD = {Verdict.PASSED, Verdict.BLOCKED, Verdict.INCONCLUSIVE}  # named Completed states; others are Failed


def conclude(run: LiveRun) -> State[None]:
    """Judge the record, tell whoever wants to know, and return the Prefect state named after the verdict.

    The verdict stands before anybody is told: what fails from then on changes nothing. What ended the run
    without being a verdict (a termination signal, an error in windtunnel) is raised again here.
    """
    judgement = verify(run)
    run.judged(judgement)
    if run.crash:
        raise run.crash
    publish(run, judgement)
    return final_state(judgement, cancelled=run.cancelled)


def verify(run: LiveRun) -> Judgement:
    """Compute the verdict from the record, and put it on record."""
    _verify(run)
    return run.judgement


@step("verify")
def _verify(run: LiveRun) -> Ending:
    """Compute the verdict from what was recorded, and from nothing else."""
    run.ledger.flush()
    judgement = judge(run.ledger.read(run.run_id), run.experiment)
    run.finished(judgement)
    run.judgement = judgement
    state = final_state(judgement)
    return Ending(go_on=True, name=str(state.name), message=str(state.message), failed=state.is_failed())


def publish(run: LiveRun, judgement: Judgement) -> None:
    """Show the run as an artifact in the Prefect UI. Failing that the run stands as it is, and says so."""
    if run.without_prefect:
        run.log.warning("No artifact is made: Prefect's server is too slow.")
        return
    try:
        markdown = prefect_markdown(run.ledger.read(run.run_id), judgement, run.experiment)
        with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
            create_markdown_artifact(
                key=_artifact_key(run),
                markdown=markdown,
                description=prefect_description(judgement, run_id=run.run_id),
            )
    except Exception as error:  # noqa: BLE001 - Prefect and matplotlib raise many things; none changes a verdict
        get_run_logger().warning("The artifact could not be made: %s: %s", type(error).__name__, error)


def _artifact_key(run: LiveRun) -> str:
    """Return one key per experiment, so that the UI lists its runs together."""
    return re.sub(r"[^a-z0-9]+", "-", run.experiment.name.lower()).strip("-") or "experiment"


def final_state(judgement: Judgement, *, cancelled: bool = False) -> State[None]:
    """Return the Prefect state that shows *judgement*; an undo that is not clean outranks the verdict.

    Args:
        judgement: The verdict, with its reason.
        cancelled: The flow run is being cancelled: Prefect takes no final state but one of that kind.
    """
    kind = Completed if judgement.verdict in _GOOD else Failed
    name, message = judgement.verdict.replace("_", " ").title().replace(" ", ""), judgement.reason
    if judgement.undo is not UndoState.CLEAN:
        kind, name = Failed, "UndoFailed"
        message = f"Undo is {judgement.undo}: something may be left behind. {judgement.reason}"
    message = redact(message)
    return Cancelled(name=name, message=message) if cancelled else kind(name=name, message=message)
