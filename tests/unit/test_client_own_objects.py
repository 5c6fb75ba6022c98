"""The safety lever and undo tickets on a real API server."""

import threading
from datetime import UTC, datetime

import pytest

from windtunnel.clients import halt, lease, tickets
from windtunnel.clients.cluster import Cluster
from windtunnel.clients.holding import hold
from windtunnel.clients.own_namespace import NAMESPACE
from windtunnel.clients.selectors import selector_text, selects
from windtunnel.model.claim import Claim
from windtunnel.model.errors import (
    ClusterError,
    ConflictError,
    NotFoundError,
    RefusedError,
)
from windtunnel.model.ticket import ObjectRef, UndoStep, UndoTicket

NOW = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)


def test_the_lever_is_released_pulled_told_and_released_again(cluster):
    assert halt.read(cluster).pulled is False
    halt.pull(cluster, reason="customers suffer", by="ana@desk", now=NOW)
    halt.pull(cluster, reason="still", by="bo@desk", now=NOW)
    lever = halt.read(cluster)
    assert (lever.pulled, lever.reason, lever.by) == (True, "still", "bo@desk")
    assert str(lever) == "pulled by bo@desk at 2026-11-21T07:00:00+00:00: still"
    assert halt.release(cluster) is True
    assert halt.release(cluster) is False
    assert halt.read(cluster).pulled is False


def test_whatever_stands_in_the_levers_place_counts_as_pulled(cluster):
    cluster.create("ConfigMap", {"metadata": {"name": "halt"}}, NAMESPACE)
    assert halt.read(cluster).pulled is True
    assert str(halt.read(cluster)) == "pulled: no reason given"
    halt.release(cluster)


def test_a_lever_that_cannot_be_read_is_an_error(cluster):
    class Refusing(Cluster):
        def get(self, *_args, **_more):
            msg = "403"
            raise RefusedError(msg, status=403)

    with pytest.raises(RefusedError):
        halt.read(Refusing(cluster._connection))


def ticket(run_id: str, targets: int = 1) -> UndoTicket:
    refs = tuple(ObjectRef("Pod", f"pod-{n}", "shop", f"uid-{n}") for n in range(targets))
    step = UndoStep(
        ObjectRef("Deployment", "checkout", "shop", "u"), "/spec/replicas", before=3, changed_to=1
    )
    return UndoTicket(run_id, "deployment-scale", refs, (step,), {"lost_pods": 2}, NOW, NOW, cluster="lab")


def test_a_ticket_comes_back_as_it_was_written(cluster, namespace):
    written = ticket(namespace)
    tickets.write(cluster, written)
    found = tickets.read(cluster, written.id)
    assert (found.ticket, found.state, found.error) == (written, "prepared", "")
    assert written in [open_.ticket for open_ in tickets.list_open(cluster)]
    with pytest.raises(ConflictError):
        tickets.write(cluster, written)
    assert tickets.delete(cluster, written) is True
    assert tickets.delete(cluster, written) is False


def test_states_change_by_compare_and_set(cluster, namespace):
    written = ticket(namespace)
    tickets.write(cluster, written)
    tickets.mark(cluster, written, "injected", expect=("prepared",))
    with pytest.raises(ConflictError, match="is injected, not prepared"):
        tickets.mark(cluster, written, "injected", expect=("prepared",))
    tickets.mark(cluster, written.id, "undone")
    assert tickets.read(cluster, written.id).state == "undone"
    assert written.id not in [open_.name for open_ in tickets.list_open(cluster)]
    tickets.delete(cluster, written)


def test_of_two_that_mark_at_once_one_wins(cluster, namespace):
    written = ticket(namespace)
    tickets.write(cluster, written)
    gate, outcomes = threading.Barrier(4), []

    class Meeting(Cluster):
        def get(self, *args, **more):
            found = super().get(*args, **more)
            gate.wait(10)
            return found

    def mark() -> None:
        try:
            tickets.mark(Meeting(cluster._connection), written, "undoing", expect=("prepared",))
            outcomes.append("won")
        except ConflictError:
            outcomes.append("lost")

    threads = [threading.Thread(target=mark) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["lost", "lost", "lost", "won"]
    tickets.delete(cluster, written)


def test_a_ticket_that_cannot_be_read_stays_open_and_says_so(cluster, namespace):
    written = ticket(namespace)
    tickets.write(cluster, written)
    patch = {"data": {"ticket": '{"run_id": 5}'}}
    cluster.patch_merge("ConfigMap", written.id, NAMESPACE, patch=patch)
    found = next(open_ for open_ in tickets.list_open(cluster) if open_.name == written.id)
    assert found.ticket is None
    assert "undo it by hand" in found.error
    tickets.delete(cluster, written)


def test_a_ticket_too_large_for_the_cluster_is_refused_before_anything_is_changed(cluster, namespace):
    with pytest.raises(ClusterError, match="aim at fewer objects"):
        tickets.write(cluster, ticket(namespace, targets=20_000))


def test_a_missing_namespace_says_how_to_make_it(cluster, monkeypatch):
    for module in (lease, halt, tickets):
        monkeypatch.setattr(module, "NAMESPACE", "elsewhere")
    monkeypatch.setattr("windtunnel.clients.own_namespace.NAMESPACE", "elsewhere")
    with pytest.raises(NotFoundError, match="kubectl create namespace elsewhere"):
        tickets.write(cluster, ticket("run-x"))
    with pytest.raises(NotFoundError, match="kubectl create namespace elsewhere"):
        halt.pull(cluster, reason="x", by="x", now=NOW)
    with pytest.raises(NotFoundError, match="create namespace"), hold(cluster, [Claim("x")], "run-x"):
        pytest.fail("no namespace, no lease")


def test_selectors_of_objects_become_text():
    expressions = [
        {"key": "tier", "operator": "In", "values": ["a", "b"]},
        {"key": "env", "operator": "NotIn", "values": ["dev"]},
        {"key": "x", "operator": "Exists"},
        {"key": "y", "operator": "DoesNotExist"},
    ]
    text = selector_text({"matchLabels": {"b": "2", "a": "1"}, "matchExpressions": expressions})
    assert text == "a=1,b=2,tier in (a,b),env notin (dev),x,!y"
    assert selects({"a": "1"}, {"a": "1", "b": "2"})
    assert not selects({"a": "1"}, {"b": "2"})
    assert not selects({}, {"a": "1"})
