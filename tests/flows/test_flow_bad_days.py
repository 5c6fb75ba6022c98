"""What goes wrong at three in the morning: nothing is left, and nothing is claimed that is not so.

Each test starts from an experiment that passes and breaks the world around it; the fixture `run` then checks
that no ticket, lease, cordon or changed number of replicas is left.
"""

import threading
from dataclasses import replace

import pytest

pytestmark = [pytest.mark.lab, pytest.mark.prefect]

WORDS = "broken by this test"
TICKETS = "/api/v1/namespaces/windtunnel/configmaps/windtunnel-undo-"


@pytest.fixture
def intercept(monkeypatch):
    """Let *answer* look at every request first; what it raises, the product sees."""
    from windtunnel.clients.connection import Connection

    def wrap(answer):
        ask_once = Connection._ask_once

        def asked(self, request):
            answer(request)
            return ask_once(self, request)

        monkeypatch.setattr(Connection, "_ask_once", asked)

    return wrap


@pytest.fixture
def hasty(monkeypatch):
    """Let tickets expire early, so that an undo that cannot work is given up soon."""
    monkeypatch.setattr("tasks.resolve.MARGIN_S", 0.0)
    monkeypatch.setattr("tasks.rollback.PATIENCE_S", 1.0)
    return lambda text: text.replace("recover_within: 10s", "recover_within: 1s")


@pytest.fixture
def before_injection(monkeypatch):
    """Do something once every check is made, and before anything is changed."""

    def between(action):
        from tasks import inject

        recheck = inject.recheck

        def checked(run):
            refusal = recheck(run)
            action(run)
            return refusal

        monkeypatch.setattr("tasks.inject.recheck", checked)

    return between


def broken(monkeypatch, **parts):
    """Replace parts of the fault deployment-scale."""
    from windtunnel.faults import deployment_scale

    monkeypatch.setattr(deployment_scale, "FAULT", replace(deployment_scale.FAULT, **parts))


def test_an_undo_that_gets_no_answer_is_tried_until_it_is_done(run, written, intercept):
    from windtunnel.model.errors import UnreachableError

    writes = []

    def answer(request):
        if request.method == "PATCH" and request.path.endswith("/deployments/payments"):
            writes.append(request)
            if 1 < len(writes) < 4:  # the first is the injection
                raise UnreachableError(WORDS)

    intercept(answer)
    outcome = run(written())
    steps = [event for event in outcome.record.events if event.kind == "undo.step"]
    assert (outcome.judgement.verdict, outcome.judgement.undo) == ("passed", "clean")
    assert [(step.data["done"], step.data["again"]) for step in steps] == [(False, True), (True, False)]


def test_a_ticket_that_cannot_be_closed_is_no_clean_undo(run, written, intercept, hasty, cluster):
    from windtunnel.clients import tickets
    from windtunnel.model.errors import RefusedError

    refusing = threading.Event()
    refusing.set()

    def answer(request):
        if refusing.is_set() and request.method == "DELETE" and request.path.startswith(TICKETS):
            raise RefusedError(WORDS, status=403)

    intercept(answer)
    outcome = run(hasty(written()))
    refusing.clear()
    (left,) = tickets.list_open(cluster)
    tickets.delete(cluster, left.ticket)
    assert (outcome.judgement.undo, outcome.judgement.exit_code) == ("partial", 6)
    assert outcome.state.name == "UndoFailed"


def test_an_undo_that_breaks_keeps_no_other_from_its_own(run, written, monkeypatch, hasty, cluster):
    from windtunnel.clients import tickets
    from windtunnel.faults import pod_delete

    def breaks(cluster, ticket):
        raise KeyError(WORDS)

    monkeypatch.setattr(pod_delete, "FAULT", replace(pod_delete.FAULT, undo=breaks))
    faults = "deployment-scale: {by: 1}, pod-delete: {count: 1, grace: 0s}"
    outcome = run(hasty(written(fault=faults)), policy="caps: {pods: 1, percent: 50}\n")
    (left,) = tickets.list_open(cluster)
    tickets.delete(cluster, left.ticket)
    assert left.ticket.fault == "pod-delete"
    assert (outcome.judgement.undo, outcome.judgement.exit_code) == ("failed", 6)
    assert cluster.get("Deployment", "payments", "shop")["spec"]["replicas"] == 3


@pytest.mark.parametrize("by", ["operator", "condition"])
def test_a_stop_between_the_checks_and_the_change_prevents_the_change(run, written, before_injection, by):
    before_injection(lambda live: live.stop(by, "Enough."))
    outcome = run(written())
    assert outcome.judgement.verdict == "aborted"
    assert not {"undo.ticket", "fault.injecting"} & set(outcome.kinds)


def test_a_lease_lost_between_the_checks_and_the_change_prevents_the_change(
    run, written, before_injection, cluster
):
    def take(live):
        patch = {"spec": {"holderIdentity": "another-run"}}
        cluster.patch_merge("Lease", live.lease.leases[0].name, "windtunnel", patch=patch)

    before_injection(take)
    outcome = run(written())
    for lease in cluster.list("Lease", "windtunnel"):
        cluster.delete("Lease", lease["metadata"]["name"], "windtunnel")
    assert outcome.judgement.verdict == "aborted"
    assert "another-run holds it now" in outcome.judgement.reason
    assert "fault.injecting" not in outcome.kinds


@pytest.mark.parametrize("how", ["stop", "ticket", "refusal"])
def test_a_run_that_changed_nothing_does_not_count(  # noqa: PLR0917 - fixtures and cases are arguments
    run, written, before_injection, intercept, no_history, monkeypatch, how
):
    from windtunnel.model.errors import ClusterError, FaultError

    def refused(cluster, ticket, *, stop=None):
        raise FaultError(WORDS)

    def answer(request):
        if request.method == "POST" and "windtunnel-undo-" in str(request.body):
            raise ClusterError(WORDS, status=500)

    if how == "stop":
        before_injection(lambda live: live.stop("operator", "Enough."))
    elif how == "ticket":
        intercept(answer)
    else:
        broken(monkeypatch, inject=refused)
    outcome = run(written())
    assert "fault.injected" not in outcome.kinds
    assert no_history() == []


def test_a_run_of_which_nobody_knows_whether_it_changed_anything_counts(
    run, written, no_history, monkeypatch
):
    from windtunnel.model.errors import UnreachableError

    def silent(cluster, ticket, *, stop=None):
        raise UnreachableError(WORDS)

    broken(monkeypatch, inject=silent)
    outcome = run(written())
    assert "fault.injected" not in outcome.kinds
    assert no_history() == [outcome.summary.run_id]


def test_a_lever_pulled_between_precheck_and_injection_blocks(run, written, cluster, monkeypatch):
    from flows import experiment
    from windtunnel.clients import halt
    from windtunnel.clock import SystemClock

    baseline = experiment.baseline

    def pulled(live):
        met = baseline(live)
        halt.pull(cluster, reason="a test", by="ana", now=SystemClock().now())
        live.stopping.__init__()  # the watchdog may have been faster: the last check must see it as well
        return met

    monkeypatch.setattr(experiment, "baseline", pulled)
    try:
        outcome = run(written())
    finally:
        halt.release(cluster)
    assert outcome.judgement.verdict in {"blocked", "aborted"}
    assert "fault.injecting" not in outcome.kinds


def test_an_injection_that_outlasts_the_duration_is_stopped_and_undone(run, written, monkeypatch):
    from windtunnel.model.errors import FaultError

    def slow(cluster, ticket, *, stop=None):
        assert stop.wait(30)
        raise FaultError(WORDS)

    broken(monkeypatch, inject=slow)
    outcome = run(written())
    assert outcome.judgement.verdict == "aborted"
    assert "longer than the duration of 1 s" in outcome.judgement.reason
    assert outcome.kinds.index("run.abort") < outcome.kinds.index("undo.started")


def test_a_flow_that_does_not_get_to_its_undo_is_overtaken_by_the_watchdog(run, written, monkeypatch):
    from flows import experiment

    seen = []

    def stuck(live):
        seen.append(live.clock.wait(20, until=undone(live)))

    def undone(live):
        happened = threading.Event()
        live.listen(lambda event: event.kind == "undo.finished" and happened.set())
        return happened

    monkeypatch.setattr("tasks.watchdog.LATE_S", 0.5)
    monkeypatch.setattr(experiment, "observe", stuck)
    outcome = run(written())
    assert seen == [True]
    assert outcome.judgement.undo == "clean"
    assert outcome.kinds.count("undo.finished") == 1


def test_replicas_that_somebody_else_set_are_reported_and_left(run, written, cluster):
    def scale(replicas):
        cluster.patch_merge("Deployment", "payments", "shop", patch={"spec": {"replicas": replicas}})

    meddler = threading.Timer(2.0, scale, [5])
    meddler.start()
    try:
        outcome = run(written(duration="5s"))
        assert cluster.get("Deployment", "payments", "shop")["spec"]["replicas"] == 5
    finally:
        meddler.join()
        scale(3)
    (step,) = [event for event in outcome.record.events if event.kind == "undo.step"]
    assert "someone else changed it since: deployment/payments in shop has 5 replicas" in step.data["drift"]


def test_two_faults_of_one_kind_have_tickets_and_victims_of_their_own(run, written):
    two = ", ".join(["pod-delete: {count: 1, grace: 0s}"] * 2)
    outcome = run(written(fault=two, duration="3s"), policy="caps: {pods: 2, percent: 70, zones: 2}\n")
    hits = [event.data["hit"] for event in outcome.record.events if event.kind == "fault.injected"]
    tickets = {event.data["ticket"] for event in outcome.record.events if event.kind == "undo.ticket"}
    assert len(hits) == len(tickets) == 2
    assert hits[0] != hits[1]


def test_a_ledger_lost_while_the_fault_is_in_is_undone_and_never_called_clean(run, written, monkeypatch):
    from windtunnel.ledger import Ledger
    from windtunnel.model.errors import LedgerError

    append = Ledger.append
    lost = threading.Event()

    def until_injected(self, run_id, event):
        if lost.is_set():
            raise LedgerError(WORDS)
        append(self, run_id, event)
        if event.kind == "fault.injected":
            lost.set()

    monkeypatch.setattr(Ledger, "append", until_injected)
    outcome = run(written())
    assert (outcome.judgement.undo, outcome.judgement.exit_code) == ("unknown", 6)
    assert outcome.state.is_failed() or outcome.state.is_crashed()


def test_a_cluster_ticket_that_cannot_be_written_means_no_injection(run, written, intercept):
    from windtunnel.model.errors import ClusterError

    def answer(request):
        if request.method == "POST" and "windtunnel-undo-" in str(request.body):
            raise ClusterError(WORDS, status=500)

    intercept(answer)
    outcome = run(written())
    assert (outcome.judgement.verdict, outcome.judgement.undo) == ("not_tested", "clean")
    assert "fault.injecting" not in outcome.kinds
