"""Undo tickets and the safety lever, as they lie in windtunnel's own namespace on a cluster."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from windtunnel.clients import halt, own_namespace, tickets
from windtunnel.clients.holding import hold
from windtunnel.clock import SystemClock
from windtunnel.model.claim import Claim
from windtunnel.model.errors import ClusterError, ConflictError, NotFoundError
from windtunnel.model.forms import from_millis, to_millis
from windtunnel.model.ticket import ObjectRef, UndoStep, UndoTicket

ABSENT = "windtunnel-test-absent"


@pytest.fixture
def ticket(own) -> UndoTicket:
    return make_ticket(own.run_id, own.namespace)


def make_ticket(run_id: str, namespace: str, *, pods: int = 1) -> UndoTicket:
    now = from_millis(to_millis(SystemClock().now()))
    web = ObjectRef("Deployment", "web", namespace, "0")
    return UndoTicket(
        run_id=run_id,
        fault="deployment-scale",
        targets=tuple(ObjectRef("Pod", f"web-{n}", namespace, f"uid-{n}") for n in range(pods)),
        steps=(UndoStep(web, "/spec/replicas", before=2, changed_to=0),),
        parameters={"words": 'ümlaut "quoted" \\ 漢字', "nothing": None, "share": 0.5},
        created_at=now,
        expires_at=now + timedelta(minutes=5),
    )


def ours(cluster, run_id: str) -> list[tickets.TicketOnCluster]:
    return [found for found in tickets.list_open(cluster) if run_id in found.name]


def test_a_ticket_is_written_listed_marked_and_removed(own, cluster, ticket, product_namespace):
    tickets.write(cluster, ticket)
    found = cluster.get("ConfigMap", ticket.id, product_namespace)
    assert found["metadata"]["labels"]["windtunnel.dev/run"] == own.run_id
    assert tickets.read(cluster, ticket.id).ticket == ticket
    assert [(one.ticket, one.state) for one in ours(cluster, own.run_id)] == [(ticket, "prepared")]
    tickets.mark(cluster, ticket, "injected", expect=("prepared",))
    tickets.mark(cluster, ticket, "undone", expect=("injected", "undoing"))
    assert tickets.read(cluster, ticket.id).state == "undone"
    assert ours(cluster, own.run_id) == []
    assert tickets.delete(cluster, ticket) is True
    assert tickets.delete(cluster, ticket) is False
    with pytest.raises(NotFoundError):
        tickets.read(cluster, ticket.id)


def test_a_ticket_is_never_written_over(cluster, ticket):
    tickets.write(cluster, ticket)
    with pytest.raises(ConflictError, match="already exists"):
        tickets.write(cluster, replace(ticket, parameters={}))
    assert tickets.read(cluster, ticket.id).ticket == ticket


def test_a_ticket_in_another_state_is_not_marked(cluster, ticket):
    tickets.write(cluster, ticket, state="undoing")
    with pytest.raises(ConflictError, match="is undoing, not prepared or injected"):
        tickets.mark(cluster, ticket, "undoing", expect=("prepared", "injected"))
    assert tickets.read(cluster, ticket.id).state == "undoing"


def test_of_two_that_mark_at_once_one_is_told(cluster, ticket, monkeypatch):
    tickets.write(cluster, ticket)
    stale = cluster.get("ConfigMap", ticket.id, tickets.NAMESPACE)
    tickets.mark(cluster, ticket, "undoing", expect=("prepared",))
    monkeypatch.setattr(type(cluster), "get", lambda *_, **__: stale)  # what the slower one has read
    with pytest.raises(ConflictError, match="409"):
        tickets.mark(cluster, ticket, "undoing", expect=("prepared",))


def test_a_ticket_of_thousands_of_objects_fits_and_a_larger_one_says_so(own, cluster):
    large = make_ticket(own.run_id, own.namespace, pods=5000)
    tickets.write(cluster, large)
    assert tickets.read(cluster, large.id).ticket == large
    with pytest.raises(ClusterError, match="aim at fewer objects"):
        tickets.write(cluster, make_ticket(own.run_id, own.namespace, pods=12000))


def test_a_ticket_that_cannot_be_read_is_listed_with_the_reason(own, cluster, ticket):
    tickets.write(cluster, ticket)
    spoilt = {"data": {"ticket": "not json"}}
    cluster.patch_merge("ConfigMap", ticket.id, tickets.NAMESPACE, patch=spoilt)
    (found,) = ours(cluster, own.run_id)
    assert found.ticket is None
    assert "undo it by hand" in found.error


def test_a_ticket_that_somebody_made_immutable_can_still_be_marked(cluster, ticket):
    tickets.write(cluster, ticket)
    cluster.patch_merge("ConfigMap", ticket.id, tickets.NAMESPACE, patch={"immutable": True})
    tickets.mark(cluster, ticket, "undone")
    assert tickets.read(cluster, ticket.id).state == "undone"


@pytest.fixture
def idle_lever(own, cluster) -> Iterator[None]:
    """Allow pulling the lever where it would stop nobody, and release it in the end."""
    if halt.read(cluster).pulled:
        pytest.skip("the safety lever of this cluster is pulled, and stays so")
    leases = cluster.list("Lease", tickets.NAMESPACE, labels="app.kubernetes.io/managed-by=windtunnel")
    running = [found.name for found in tickets.list_open(cluster)]
    if running := running + [found["metadata"]["name"] for found in leases]:
        pytest.skip(f"pulling the safety lever would stop runs: {', '.join(running)} are there")
    yield
    halt.release(cluster)


@pytest.mark.usefixtures("idle_lever")
def test_the_lever_is_pulled_read_and_released(cluster):
    now = SystemClock().now().replace(microsecond=0)
    pulled = halt.pull(cluster, reason="a drill", by="the tests", now=now)
    assert halt.read(cluster) == pulled
    again = halt.pull(cluster, reason="another", by="the tests", now=now)
    assert halt.read(cluster) == again
    assert (again.reason, again.at) == ("another", now.isoformat())
    assert halt.release(cluster) is True
    assert halt.release(cluster) is False
    assert halt.read(cluster).pulled is False


@pytest.fixture
def without_own_namespace(monkeypatch) -> None:
    """Look for windtunnel's objects where there is no namespace."""
    for module in (own_namespace, tickets, halt):
        monkeypatch.setattr(module, "NAMESPACE", ABSENT)
    monkeypatch.setattr("windtunnel.clients.lease.NAMESPACE", ABSENT)


@pytest.mark.usefixtures("without_own_namespace")
def test_without_windtunnels_namespace_it_is_said_how_to_make_it(cluster):
    ticket, told = make_ticket("test-nobody", ABSENT), f"kubectl create namespace {ABSENT}"
    with pytest.raises(NotFoundError, match=told):
        tickets.write(cluster, ticket)
    with pytest.raises(NotFoundError, match=told):
        halt.pull(cluster, reason="a drill", by="the tests", now=SystemClock().now())
    claim = Claim(f"{ABSENT}/deployment/web")
    with pytest.raises(NotFoundError, match=told), hold(cluster, [claim], "test-nobody"):
        pytest.fail("a lease without a namespace")


@pytest.mark.usefixtures("without_own_namespace")
def test_without_windtunnels_namespace_nothing_is_open_and_the_lever_is_released(cluster):
    assert tickets.list_open(cluster) == ()
    assert halt.read(cluster).pulled is False
