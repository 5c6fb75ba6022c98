"""What Prefect does by itself, as code: a run without a sign of life is marked crashed, and undone for."""

from datetime import timedelta
from uuid import UUID

from prefect.client.schemas.objects import StateType
from prefect.events import ResourceSpecification
from prefect.events.actions import ChangeFlowRunState, RunDeployment
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

DEAD_RUN = "windtunnel: a run that died is undone"
SILENT = timedelta(seconds=90)  # three heartbeats, at the thirty seconds that windtunnel asks Prefect for
_HEARTBEAT = "prefect.flow-run.heartbeat"
_ENDS = {f"prefect.flow-run.{end}" for end in ("Completed", "Failed", "Cancelled", "Crashed")}


def dead_run(janitor: UUID, *, silent: timedelta = SILENT) -> AutomationCore:
    """Return the automation that takes an experiment for dead when its heartbeat stops.

    Args:
        janitor: The deployment that undoes what such a run has left.
        silent: For how long it has given no sign of life.

    Source: Prefect's documentation, "Detect zombie flows".
    """
    return AutomationCore(
        name=DEAD_RUN,
        description="Marks an experiment crashed whose heartbeat has stopped, and runs the janitor.",
        trigger=EventTrigger(
            posture=Posture.Proactive,
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=ResourceSpecification(
                {"prefect.resource.role": "flow", "prefect.resource.name": "experiment"}
            ),
            for_each={"prefect.resource.id"},
            after={_HEARTBEAT},
            expect={_HEARTBEAT, *_ENDS},
            threshold=1,
            within=silent,
        ),
        actions=[
            ChangeFlowRunState(state=StateType.CRASHED, message="Its heartbeat has stopped."),
            RunDeployment(source="selected", deployment_id=janitor),
        ],
    )
