"""The kubernetes probe and service names, against a real API server."""

# ruff: noqa: PLR0917 - fixtures and cases are arguments

import pytest

from windtunnel.clients.readiness import workload_readiness
from windtunnel.clients.service_address import ServiceAddresses
from windtunnel.clock import SystemClock
from windtunnel.model.comparison import parse_comparison
from windtunnel.model.errors import ProbeError
from windtunnel.model.experiment import HttpProbe, KubernetesProbe, Probe
from windtunnel.probes import Answer, ProbeContext, look


@pytest.fixture
def asked(cluster, namespace):
    def ask(what: str, *, ready: str = "", **more) -> Answer:
        comparison = parse_comparison(ready) if ready else None
        probe = KubernetesProbe(object=what, ready=comparison, **{"namespace": namespace, **more})
        return look(Probe("ready", probe), ProbeContext(cluster=cluster), SystemClock())

    return ask


def test_a_workload_that_has_all_it_wants_holds(asked, namespace, make_deployment):
    make_deployment(namespace, replicas=3)
    assert asked("deployment/checkout") == Answer(ok=True, value=3.0, detail="3 of 3 ready")


def test_a_workload_that_lacks_replicas_misses_and_counts_them(
    asked, namespace, make_deployment, workload_status
):
    make_deployment(namespace, replicas=3)
    workload_status("Deployment", "checkout", namespace, replicas=2)
    answer = asked("deployment/checkout")
    assert (answer.ok, answer.value) == (False, 2.0)
    assert asked("deployment/checkout", ready=">= 2").ok is True
    assert asked("deployment/checkout", ready=">= 3").ok is False


def test_a_rollout_under_way_is_not_ready_although_all_pods_are(asked, cluster, namespace, make_deployment):
    make_deployment(namespace, replicas=3)
    cluster.patch_merge("Deployment", "checkout", namespace, patch={"spec": {"paused": True}})
    answer = asked("deployment/checkout")
    assert (answer.ok, answer.value) == (False, 3.0)
    assert "rollout under way" in answer.detail


def test_pods_are_counted_by_selector(asked, cluster, namespace, make_pod):
    for name in ("a", "b"):
        make_pod(namespace, name)
    assert asked("pods", selector="app=checkout").detail == "2 of 2 ready"
    conditions = [{"type": "Ready", "status": "False"}]
    cluster.patch_merge(
        "Pod", "a", namespace, patch={"status": {"conditions": conditions}}, subresource="status"
    )
    assert asked("pods", selector="app=checkout").ok is False
    assert asked("pods", selector="app=checkout", ready=">= 1").ok is True
    assert asked("pods", selector="app=checkout", condition="Ready", status="False").value == 1.0


def test_a_condition_of_any_object_is_compared(asked, cluster, namespace, make_node, make_deployment):
    make_node(f"{namespace}-n")
    assert asked(f"node/{namespace}-n", condition="Ready").ok is True
    answer = asked(f"node/{namespace}-n", condition="Ready", status="False")
    assert answer.ok is False
    assert answer.detail == "Ready is True, expected False"
    assert asked(f"node/{namespace}-n", condition="DiskPressure").detail == "has no condition DiskPressure"
    cluster.delete("Node", f"{namespace}-n")


@pytest.mark.parametrize(
    ("what", "more", "words"),
    [
        ("deployment/nothing", {}, "deployment/nothing does not exist in space"),
        ("node/nothing", {"condition": "Ready"}, "node/nothing does not exist"),
        ("pods", {"selector": "app=none"}, "there are no pods with app=none"),
        ("configmap/kube-root-ca.crt", {}, "no readiness; give the probe a condition"),
        ("thing/x", {}, "no known kind"),
        ("deployment/x", {"namespace": ""}, "names no namespace"),
    ],
)
def test_what_is_not_there_is_no_answer(asked, cluster, namespace, what, more, words):
    if what.startswith("configmap"):
        what = "configmap/mine"
        cluster.create("ConfigMap", {"metadata": {"name": "mine"}}, namespace)
    answer = asked(what, **more)
    assert answer.ok is None
    assert words in answer.error


def test_without_a_cluster_there_is_no_answer():
    answer = look(Probe("ready", KubernetesProbe("deployment/x")), ProbeContext(), SystemClock())
    assert answer == Answer(ok=None, error="there is no cluster to ask")


def test_a_daemon_set_counts_nodes():
    status = {
        "desiredNumberScheduled": 2,
        "currentNumberScheduled": 2,
        "numberReady": 2,
        "updatedNumberScheduled": 2,
    }
    assert workload_readiness({"kind": "DaemonSet", "metadata": {}, "spec": {}, "status": status}).complete
    late = status | {"updatedNumberScheduled": 1}
    assert not workload_readiness({"kind": "DaemonSet", "metadata": {}, "spec": {}, "status": late}).complete


@pytest.fixture
def service(cluster, namespace):
    def make(name: str, **spec) -> str:
        body = {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec}}
        return cluster.create("Service", body, namespace)["spec"].get("clusterIP", "")

    return make


@pytest.mark.parametrize("ending", ["svc", "svc.cluster.local"])
def test_a_service_that_dns_does_not_know_is_found_through_the_cluster(cluster, namespace, service, ending):
    address = service("front")
    addresses = ServiceAddresses()
    assert addresses.address(f"front.{namespace}.{ending}", cluster) == address
    cluster.delete("Service", "front", namespace)
    assert addresses.address(f"front.{namespace}.{ending}", cluster) == address  # remembered


def test_other_hosts_are_left_to_the_system(cluster):
    assert ServiceAddresses().address("shop.example.com", cluster) == ""
    assert ServiceAddresses().address("127.0.0.1", None) == ""


def test_a_service_that_is_not_there_or_has_no_address_is_told(cluster, namespace, service):
    with pytest.raises(ProbeError, match=f"there is no service nothing in {namespace}"):
        ServiceAddresses().address(f"nothing.{namespace}.svc", cluster)
    service("headless", clusterIP="None")
    with pytest.raises(ProbeError, match="has no clusterIP"):
        ServiceAddresses().address(f"headless.{namespace}.svc", cluster)
    probe = Probe("page", HttpProbe(url="http://front.shop.svc/"))
    assert "no cluster to ask" in look(probe, ProbeContext(), SystemClock()).error
