"""The janitor's pass against a real API server: it undoes for the dead and leaves the living alone."""

from dataclasses import replace
from datetime import timedelta
from threading import Thread

import pytest

from windtunnel.clients import tickets
from windtunnel.clients.holding import hold
from windtunnel.clock import SystemClock
from windtunnel.faults import load_fault
from windtunnel.faults.deployment_scale import FAULT
from windtunnel.faults.marked_change import mark_of
from windtunnel.model.claim import Claim
from windtunnel.model.errors import NotFoundError, RefusedError
from windtunnel.model.experiment import Target
from windtunnel.model.ticket import UndoState
from windtunnel.undo.sweep import sweep, undo_run

CLOCK = SystemClock()


@pytest.fixture
def target(namespace, make_deployment) -> Target:
    make_deployment(namespace, replicas=3)
    return Target(namespace=namespace, workload="deployment/checkout")


@pytest.fixture
def injected(cluster, target, plan):
    """Leave a fault as a run leaves it that is killed: injected, with its ticket on the cluster."""
    ticket = plan(FAULT, target, replicas=1)
    tickets.write(cluster, ticket)
    FAULT.inject(cluster, ticket)
    yield ticket
    tickets.delete(cluster, ticket)


def pass_once(cluster):
    return sweep(cluster, clock=CLOCK, load_fault=load_fault)


def of(done, ticket):
    return [one for one in done.swept if one.found.name == ticket.id]


def replicas(cluster, target) -> int:
    return cluster.get("Deployment", "checkout", target.namespace)["spec"]["replicas"]


def test_the_fault_of_a_run_that_died_is_undone_and_its_ticket_closed_with_a_report(
    cluster, target, injected
):
    (one,) = of(pass_once(cluster), injected)
    closed = tickets.read(cluster, injected.id)
    assert one.report.state is UndoState.CLEAN
    assert replicas(cluster, target) == 3
    assert (closed.state, closed.report) == ("undone", one.report)
    assert of(pass_once(cluster), injected) == []


def test_a_run_that_lives_is_left_alone(cluster, target, injected):
    with hold(cluster, [Claim("shop/deployment/checkout")], injected.run_id):
        assert of(pass_once(cluster), injected) == []
        assert replicas(cluster, target) == 1


def test_a_run_that_outlives_its_ticket_is_undone_all_the_same(cluster, target, plan):
    late = replace(plan(FAULT, target, replicas=1), expires_at=CLOCK.now() - timedelta(seconds=2))
    tickets.write(cluster, late)
    FAULT.inject(cluster, late)
    with hold(cluster, [Claim("shop/deployment/checkout")], late.run_id):
        (one,) = of(pass_once(cluster), late)
    assert one.why == "its time is up"
    assert replicas(cluster, target) == 3
    tickets.delete(cluster, late)


def test_several_janitors_at_once_do_no_harm(cluster, target, injected):
    janitors = [Thread(target=pass_once, args=(cluster,)) for _ in range(6)]
    for one in janitors:
        one.start()
    for one in janitors:
        one.join()
    found = cluster.get("Deployment", "checkout", target.namespace)
    assert (found["spec"]["replicas"], mark_of(found)) == (3, "")
    assert tickets.read(cluster, injected.id).state == "undone"


def test_an_undo_that_fails_is_counted_on_the_ticket_and_done_later(cluster, target, injected):
    no = RefusedError("403", status=403)

    class Refusing(type(cluster)):
        def patch_merge(self, kind, *args, **more):
            if kind == "Deployment":
                raise no
            return super().patch_merge(kind, *args, **more)

    (one,) = of(pass_once(Refusing(cluster._connection)), injected)
    found = tickets.read(cluster, injected.id)
    assert one.report.state is UndoState.FAILED
    assert (found.state, found.tries, found.last_error) == ("failed", 1, "403")
    assert of(pass_once(cluster), injected) == []  # it waits before it tries again
    assert undo_run(cluster, injected.run_id, clock=CLOCK, load_fault=load_fault)[0].report.state == "clean"
    assert replicas(cluster, target) == 3


def test_a_fault_made_by_a_run_that_slept_through_its_own_undo_is_found(cluster, target, plan):
    ticket = plan(FAULT, target, replicas=1)
    tickets.write(cluster, ticket)
    pass_once(cluster)  # its run is taken for dead, between its ticket and its change
    assert tickets.read(cluster, ticket.id).state == "undone"
    FAULT.inject(cluster, ticket)  # it wakes, changes, and is killed
    pass_once(cluster)
    pass_once(cluster)
    assert replicas(cluster, target) == 3
    tickets.delete(cluster, ticket)


def test_a_ticket_that_cannot_be_read_is_told_and_left(cluster, injected):
    patch = {"data": {"ticket": "{}"}}
    cluster.patch_merge("ConfigMap", injected.id, "windtunnel", patch=patch)
    done = pass_once(cluster)
    assert injected.id in [one.name for one in done.unreadable]
    assert "undo it by hand" in done.unreadable[0].error
    FAULT.undo(cluster, injected)


def test_a_ticket_of_a_fault_that_this_version_does_not_know_is_a_failed_undo(cluster, injected):
    odd = replace(injected, fault="time-travel")
    tickets.write(cluster, odd)
    (one,) = of(pass_once(cluster), odd)
    assert "there is no fault 'time-travel'" in one.report.steps[0].error
    tickets.delete(cluster, odd)


def test_a_closed_ticket_goes_once_nothing_can_come_back_to_it(cluster, target, plan):
    old = replace(plan(FAULT, target, replicas=1), expires_at=CLOCK.now() - timedelta(hours=2))
    tickets.write(cluster, old, state="undone")
    pass_once(cluster)
    with pytest.raises(NotFoundError):
        tickets.read(cluster, old.id)
