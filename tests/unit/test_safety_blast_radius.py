"""What a run would hit is seen whole: every service and every owner, also of a few pods among many."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from guardrails.opt_in import not_opted_in
from guardrails.protected import protected_hits
from tasks.blast_radius import summarise
from tasks.live_run import Plan
from tasks.rollback import in_order
from windtunnel.clients import tickets
from windtunnel.clients.targets import resolve
from windtunnel.faults import load_fault
from windtunnel.model.experiment import Target
from windtunnel.model.policy import Protected
from windtunnel.model.selector import parse_selector
from windtunnel.model.ticket import ObjectRef, UndoStep

OPT_IN = "windtunnel.dev/enabled=true"


@pytest.fixture
def two_workloads(cluster, namespace, make_deployment):
    """Make two deployments, and give the summary of a run that deletes a pod of either."""
    for name in ("cart", "checkout"):
        make_deployment(namespace, name, replicas=1)

    def hit(plan) -> object:
        target = Target(namespace=namespace, selector="app in (cart, checkout)")
        ticket = plan(load_fault("pod-delete"), target, count=1)
        live = SimpleNamespace(
            cluster=cluster,
            experiment=SimpleNamespace(target=target),
            plans=(Plan(load_fault("pod-delete"), ticket),),
        )
        return summarise(live)

    return hit


def test_a_protected_service_is_seen_behind_a_selector_that_takes_in_others(
    two_workloads, cluster, namespace, plan
):
    spec = {"selector": {"app": "checkout"}, "ports": [{"port": 80}]}
    cluster.create("Service", {"metadata": {"name": "front-door"}, "spec": spec}, namespace)
    hits = protected_hits(Protected(services=frozenset({"front-door"})), two_workloads(plan))
    assert hits == (f"service {namespace}/front-door",)


def test_a_workload_that_opted_out_is_not_hit_among_others(two_workloads, cluster, namespace, plan):
    cluster.patch_merge("Namespace", namespace, patch={"metadata": {"labels": dict([OPT_IN.split("=")])}})
    seen = two_workloads(plan)
    assert not_opted_in(parse_selector(OPT_IN), seen, hits_nodes=False) == ""
    labels = {"windtunnel.dev/enabled": "false"}
    cluster.patch_merge("Deployment", "cart", namespace, patch={"metadata": {"labels": labels}})
    seen = two_workloads(plan)
    assert not_opted_in(parse_selector(OPT_IN), seen, hits_nodes=False) == f"deployment/cart in {namespace}"


def test_what_has_something_to_restore_is_undone_before_what_only_waits(
    cluster, namespace, make_deployment, plan
):
    make_deployment(namespace)
    target = resolve(Target(namespace=namespace, workload="deployment/checkout"), cluster)
    scale = plan(load_fault("deployment-scale"), target, by=1)
    delete = plan(load_fault("pod-delete"), target, count=1)
    again = replace(scale, steps=(UndoStep(ObjectRef("Node", "a"), "/x", before=None, changed_to=True),))
    injected = [Plan(load_fault(ticket.fault), ticket) for ticket in (scale, again, delete)]
    assert [plan.ticket for plan in in_order(injected)] == [again, scale, delete]


def test_the_second_ticket_of_a_kind_has_a_name_of_its_own(cluster, namespace, make_deployment, plan):
    make_deployment(namespace)
    first = plan(
        load_fault("pod-delete"), Target(namespace=namespace, workload="deployment/checkout"), count=1
    )
    second = replace(first, number=2)
    assert second.id == f"{first.id}-2"
    assert tickets.ticket_from_json(tickets.ticket_to_json(second)) == second
