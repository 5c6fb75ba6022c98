"""Whole runs: a real Prefect server and the lab, each started once for all tests of this folder."""

import threading
from collections.abc import Iterator
from contextvars import copy_context

import pytest

from windtunnel.model.errors import InputError

EXPERIMENT = """
experiment: payments-scaled
hypothesis: One payments pod more or less is not noticed.
owner: payments-sre
target: {{cluster: lab, namespace: {namespace}, workload: {workload}}}
steady_state:
  - {{name: front page, http: "{url}", expect: {{status: 200, within: 2s}}, interval: 200ms}}
{probes}
faults: [{fault}]
duration: {duration}
recover_within: 10s
abort_when: [{abort_when}]
"""


@pytest.fixture
def written():
    """Write an experiment that passes in the lab, with the given parts changed."""
    return experiment_text


def experiment_text(**changes: str) -> str:
    """Fill in the template."""
    parts = {
        "namespace": "shop",
        "workload": "deployment/payments",
        "url": "http://frontend.shop.svc:8080/",
        "probes": "",
        "fault": "deployment-scale: {by: 1}",
        "duration": "1s",
        "abort_when": "",
    }
    return EXPERIMENT.format(**{**parts, **changes})


@pytest.fixture(scope="session")
def prefect_server(lab) -> Iterator[str]:
    """Start a Prefect server in the lab's state folder; give its API address."""
    from prefect.settings import (
        PREFECT_API_URL,
        PREFECT_LOGGING_LEVEL,
        PREFECT_LOGGING_TO_API_ENABLED,
        temporary_settings,
    )

    from windtunnel.cli.prefect_server import start_server, stop_server

    server = start_server()
    try:
        with temporary_settings(
            {
                PREFECT_API_URL: server.api,
                PREFECT_LOGGING_LEVEL: "CRITICAL",
                PREFECT_LOGGING_TO_API_ENABLED: False,
            }
        ):
            yield server.api
    finally:
        stop_server()


@pytest.fixture
def cluster(lab):
    """The lab as the product sees it."""
    from windtunnel.clients.cluster import connect
    from windtunnel.clients.installation import cluster_entry
    from windtunnel.model.policy import Policy

    return connect(cluster_entry(Policy(), "lab"))


@pytest.fixture
def no_history(cluster):
    """Let no run have injected before; give a look at the ids of those that have, and forget them."""
    from windtunnel.clients import history
    from windtunnel.model.errors import NotFoundError

    def forget() -> None:
        try:
            cluster.delete("ConfigMap", history.NAME, "windtunnel")
        except NotFoundError:
            return

    forget()
    yield lambda: [past.run_id for past in history.read(cluster).runs]
    forget()


@pytest.fixture
def run(prefect_server, cluster):
    """Run an experiment to its end; give its record, its judgement and its Prefect state.

    Whatever a run does, afterwards nothing may be left: every test checks that here.
    """
    from flows.experiment import experiment
    from tasks.request import RunRequest

    def run_it(text: str, *, policy: str = "", seed: int | None = None):
        request = RunRequest(experiment_text=text, policy_text=policy, seed=seed)
        return Outcome(state=experiment(request, return_state=True), run_id=request.run_id)

    before = replicas(cluster)
    yield run_it
    try:
        nothing_left(cluster, before)
    finally:
        put_right(cluster, before)


@pytest.fixture
def once_injected(cluster):
    """Do something in a thread as soon as an undo ticket is on the cluster."""
    from windtunnel.clients import tickets
    from windtunnel.clock import SystemClock

    clock, over = SystemClock(), threading.Event()
    threads = []

    def wait_and(action):
        while not tickets.list_open(cluster):
            if clock.wait(0.1, until=over):
                return
        action()

    def begin(action):
        here = copy_context()  # Prefect keeps its settings there
        threads.append(threading.Thread(target=here.run, args=(wait_and, action), daemon=True))
        threads[-1].start()

    yield begin
    over.set()
    for thread in threads:
        thread.join(10)


class Outcome:
    """What a run left in the ledger and in Prefect."""

    def __init__(self, *, state, run_id: str) -> None:
        from windtunnel.files import parse_experiment
        from windtunnel.ledger import open_ledger
        from windtunnel.model.judge import judge

        if not state.is_completed() and isinstance(error := state.result(raise_on_failure=False), InputError):
            raise error
        self.state = state
        with open_ledger() as ledger:
            self.summary = ledger.find(run_id)
            self.record = ledger.read(run_id)
            origin = ledger.origin(run_id)
        experiment = parse_experiment(origin.experiment_text, source="experiment.yaml")
        self.judgement = judge(self.record, experiment)  # recomputed, as anybody could

    @property
    def kinds(self) -> list[str]:
        """The kinds of the events, in order."""
        return [str(event.kind) for event in self.record.events]


def replicas(cluster) -> dict[str, int]:
    """Return how many replicas each deployment of the shop asks for."""
    return {d["metadata"]["name"]: d["spec"]["replicas"] for d in cluster.list("Deployment", "shop")}


def nothing_left(cluster, before: dict[str, int]) -> None:
    """Fail when a ticket, a lease, a cordon or a changed number of replicas is left."""
    from windtunnel.clients import tickets

    assert tickets.list_open(cluster) == ()
    assert [lease["metadata"]["name"] for lease in cluster.list("Lease", "windtunnel")] == []
    assert [n["metadata"]["name"] for n in cluster.list("Node") if n["spec"].get("unschedulable")] == []
    assert replicas(cluster) == before


def put_right(cluster, before: dict[str, int]) -> None:
    """Remove what a test has left, so that it fails alone and not all that come after it."""
    from windtunnel.clients import tickets
    from windtunnel.clock import SystemClock
    from windtunnel.faults import load_fault
    from windtunnel.undo.sweep import undo_run

    for run_id in {one.run_id for one in tickets.list_open(cluster)}:
        undo_run(cluster, run_id, clock=SystemClock(), load_fault=load_fault)
    for one in tickets.list_all(cluster):
        tickets.delete(cluster, one.name)
    for lease in cluster.list("Lease", "windtunnel"):
        cluster.delete("Lease", lease["metadata"]["name"], "windtunnel")
    for name, count in before.items():
        if replicas(cluster)[name] != count:
            cluster.patch_merge("Deployment", name, "shop", patch={"spec": {"replicas": count}})
