"""What Prefect's hooks do after a run that crashed or was cancelled: undo what it has left, at once.

They run in the process that has started the run, and knows that the run's own process has ended; so nobody
needs to wait until its leases have run out.
"""

from prefect import Flow
from prefect.client.schemas.objects import FlowRun, State
from prefect.logging import get_logger

from tasks.opening import experiment_of
from tasks.prefect_api import asking
from tasks.request import RunRequest
from windtunnel.clients.cluster import connect
from windtunnel.clients.installation import cluster_entry
from windtunnel.clock import SystemClock
from windtunnel.faults import load_fault
from windtunnel.undo.sweep import undo_run
from windtunnel.undo.watch import told

_LOG = get_logger("windtunnel.aftermath")


def undo_what_is_left(flow: Flow[..., object], flow_run: FlowRun, state: State) -> None:  # noqa: ARG001 - a hook's shape
    """Undo every open ticket of the run that *flow_run* was; where that fails, the janitor comes to it."""
    try:
        request = RunRequest.model_validate(flow_run.parameters["request"])
        experiment, policy = experiment_of(request)
        cluster = connect(cluster_entry(policy, experiment.target.cluster))
        run_id = _run_id(flow_run)
        for one in undo_run(cluster, run_id, clock=SystemClock(), load_fault=load_fault):
            _LOG.warning("%s", told(one))
    except Exception:  # noqa: BLE001 - a hook that raises ends the ones after it; the janitor is there for what is left
        _LOG.exception("What this run may have left could not be undone here; the janitor will see to it.")


def _run_id(flow_run: FlowRun) -> str:
    """Return the run's id, the last word of the flow run's name: whoever started it knows an older name.

    Raises:
        PrefectApiError: the server does not tell.
    """
    with asking("reading the name of the flow run") as client:
        return client.read_flow_run(flow_run.id).name.rpartition(" ")[2]
