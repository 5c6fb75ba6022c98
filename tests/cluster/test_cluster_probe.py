"""The kubernetes probe on a cluster: readiness and conditions as the cluster states them."""

from collections.abc import Callable

import pytest

from tests.cluster.workspace import eventually
from windtunnel.clock import SystemClock
from windtunnel.faults import load_fault
from windtunnel.model.comparison import parse_comparison
from windtunnel.model.experiment import KubernetesProbe, Probe
from windtunnel.probes import Answer, ProbeContext, look

NEVER_READY = {"readinessProbe": {"tcpSocket": {"port": 9}, "periodSeconds": 1}}  # nothing listens there


@pytest.fixture
def asked(workspace, cluster) -> Callable[..., Answer]:
    """Look once, in the test's namespace unless the probe names another."""
    context = ProbeContext(cluster=cluster, namespace=workspace.namespace)

    def ask(what: str, **expected) -> Answer:
        probe = Probe("probe", KubernetesProbe(what, **expected), timeout_s=15.0)
        return look(probe, context, SystemClock())

    return ask


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_a_complete_workload_is_ready_and_counted(workspace, asked, kind):
    workspace.deploy(kind=kind)
    answer = asked(f"{kind.lower()}/web")
    assert (answer.ok, answer.value, answer.detail) == (True, 2.0, "2 of 2 ready")
    assert asked(f"{kind.lower()}/web", ready=parse_comparison(">= 2")).ok is True
    assert asked(f"{kind.lower()}/web", ready=parse_comparison("> 2")).ok is False


def test_pods_are_counted_by_selector(workspace, asked):
    workspace.deploy()
    answer = asked("pods", selector="app=web")
    assert (answer.ok, answer.value) == (True, 2.0)
    assert asked("pods", selector="app=web", condition="PodScheduled").value == 2.0
    assert asked(f"pod/{workspace.pods()[0].name}").ok is True


def test_a_workload_that_cannot_become_ready_is_not(workspace, asked):
    workspace.deploy(replicas=1, container=NEVER_READY, wait=False)
    eventually(lambda: workspace.readiness().existing == 1)
    answer = asked("deployment/web")
    assert (answer.ok, answer.value) == (False, 0.0)
    assert answer.detail.startswith("0 of 1 ready")
    eventually(lambda: asked("deployment/web", condition="Available", status="False").ok)
    assert asked("deployment/web", condition="Available").ok is False


def test_conditions_are_read_from_any_kind(workspace, asked):
    workspace.deploy(replicas=1)
    available = eventually(lambda: hit(asked("deployment/web", condition="Available")))
    assert "Available is True" in available.detail
    assert asked("deployment/web", condition="NoSuchCondition").ok is False
    selector = {"matchLabels": {"app": "web"}}
    workspace.create("PodDisruptionBudget", "web", {"spec": {"maxUnavailable": 1, "selector": selector}})
    budget = "poddisruptionbudget/web"
    eventually(lambda: asked(budget, condition="DisruptionAllowed").ok)
    assert "give the probe a condition" in asked(budget).error


def hit(answer: Answer) -> Answer | None:
    return answer if answer.ok else None


def test_nodes_have_conditions_too(asked):
    answer = asked("nodes", condition="Ready", ready=parse_comparison(">= 1"))
    assert answer.ok is True


def test_what_is_absent_is_no_answer(asked):
    assert "deployment/absent does not exist in" in asked("deployment/absent").error
    assert "there are no pods with app=absent" in asked("pods", selector="app=absent").error
    assert asked("pods", selector="app=absent", ready=parse_comparison("== 0")).ok is True
    assert asked("things.v1.windtunnel-test.example/x", condition="Ready").ok is None


def test_a_probe_sees_a_fault_and_its_end(workspace, cluster, asked):
    fault, ticket = (
        load_fault("deployment-scale"),
        workspace.plan("deployment-scale", workspace.deploy(), by=-1),
    )
    two = parse_comparison(">= 2")
    assert asked("deployment/web", ready=two).ok is True
    fault.inject(cluster, ticket)
    eventually(lambda: asked("deployment/web", ready=two).ok is False)
    fault.undo(cluster, ticket)
    eventually(lambda: asked("deployment/web", ready=two).ok)
