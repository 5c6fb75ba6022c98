"""The mark on what a run changed: written with the change, gone with the undo, and believed in between."""

import pytest

from windtunnel.clients.tickets import RUN
from windtunnel.faults.deployment_scale import FAULT
from windtunnel.faults.marked_change import mark_of
from windtunnel.model.errors import FaultError
from windtunnel.model.experiment import Target
from windtunnel.model.ticket import UndoState


@pytest.fixture
def target(namespace, make_deployment) -> Target:
    make_deployment(namespace, replicas=3)
    return Target(namespace=namespace, workload="deployment/checkout")


def checkout(cluster, target):
    return cluster.get("Deployment", "checkout", target.namespace)


def write(cluster, target, **patch):
    cluster.patch_merge("Deployment", "checkout", target.namespace, patch=patch)


def test_what_is_changed_is_marked_with_the_run_and_undo_takes_the_mark_off(cluster, target, plan):
    before = checkout(cluster, target)
    ticket = plan(FAULT, target, replicas=1)
    FAULT.inject(cluster, ticket)
    assert mark_of(checkout(cluster, target)) == ticket.run_id
    FAULT.undo(cluster, ticket)
    after = checkout(cluster, target)
    assert mark_of(after) == ""
    assert after["spec"] == before["spec"]
    assert after["metadata"].get("labels") == before["metadata"].get("labels")
    assert RUN not in str(after["spec"]["template"])


def test_a_value_that_somebody_else_set_after_the_undo_is_not_taken_for_ours(cluster, target, plan):
    ticket = plan(FAULT, target, replicas=1)
    FAULT.inject(cluster, ticket)
    FAULT.undo(cluster, ticket)
    write(cluster, target, spec={"replicas": 1})
    report = FAULT.undo(cluster, ticket)
    assert checkout(cluster, target)["spec"]["replicas"] == 1
    assert report.state is UndoState.CLEAN
    assert "not by this run; left as it is" in report.steps[0].drift


def test_a_value_that_somebody_else_set_keeps_no_mark_of_ours(cluster, target, plan):
    ticket = plan(FAULT, target, replicas=1)
    FAULT.inject(cluster, ticket)
    write(cluster, target, spec={"replicas": 7})
    FAULT.undo(cluster, ticket)
    found = checkout(cluster, target)
    assert (found["spec"]["replicas"], mark_of(found)) == (7, "")


def test_an_object_that_carries_the_mark_of_another_run_is_not_touched(cluster, target, plan):
    ticket = plan(FAULT, target, replicas=1)
    write(cluster, target, metadata={"labels": {RUN: "an-earlier-run"}})
    with pytest.raises(FaultError, match="still carries the mark of run an-earlier-run") as error:
        FAULT.inject(cluster, ticket)
    assert error.value.hit == ()
    FAULT.undo(cluster, ticket)
    assert mark_of(checkout(cluster, target)) == "an-earlier-run"
