"""Accounts with few rights: a refusal is clear, changes nothing, and can be known beforehand."""

import pytest

from tests.cluster.kubeconfigs import with_token
from tests.cluster.watching import watching
from tests.cluster.workspace import SERVICE_ACCOUNT, Workspace, eventually
from windtunnel.clients import halt, tickets
from windtunnel.clients.cluster import Cluster
from windtunnel.clients.holding import hold
from windtunnel.clients.kinds import Resource
from windtunnel.clients.targets import resolve
from windtunnel.clock import SystemClock
from windtunnel.faults import FAULTS
from windtunnel.faults.rights import missing_rights
from windtunnel.model.claim import Claim
from windtunnel.model.errors import FaultError, RefusedError
from windtunnel.model.experiment import KubernetesProbe, Probe, Target
from windtunnel.probes import ProbeContext, look

GROUP = "rbac.authorization.k8s.io"
LOOK = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}


@pytest.fixture
def guest(own: Workspace, cluster: Cluster, tmp_path) -> Cluster:
    """The cluster as a service account sees it that may only look at the pods of its namespace."""
    own.create(SERVICE_ACCOUNT, "guest", {})
    own.create(Resource("Role", "roles", GROUP), "guest", {"rules": [LOOK]})
    subject = {"kind": "ServiceAccount", "name": "guest", "namespace": own.namespace}
    role = {"apiGroup": GROUP, "kind": "Role", "name": "guest"}
    own.create(
        Resource("RoleBinding", "rolebindings", GROUP), "guest", {"subjects": [subject], "roleRef": role}
    )
    tokens = Resource("TokenRequest", "serviceaccounts/guest/token")
    request = {"apiVersion": "authentication.k8s.io/v1", "spec": {"expirationSeconds": 600}}
    token = cluster.create(tokens, request, own.namespace)["status"]["token"]
    found = with_token(cluster, tmp_path, token)
    eventually(lambda: found.can_i("list", "Pod", own.namespace)[0])  # a new right takes a moment
    return found


@pytest.mark.parametrize("fault", list(FAULTS))
def test_an_administrator_lacks_nothing(workspace, cluster, fault):
    assert missing_rights(cluster, FAULTS[fault].rbac, workspace.namespace) == ()


def test_missing_rights_are_known_beforehand(own, guest):
    missing = missing_rights(guest, FAULTS["pod-delete"].rbac, own.namespace)
    assert f"delete pods in {own.namespace}" in missing
    assert f"get deployments in {own.namespace}" in missing
    assert "get namespaces on the whole cluster" in missing
    assert f"list pods in {own.namespace}" not in missing
    scaling = missing_rights(guest, FAULTS["deployment-scale"].rbac, own.namespace)
    assert f"patch deployments in {own.namespace}" in scaling
    draining = missing_rights(guest, FAULTS["node-drain"].rbac, own.namespace)
    assert {"patch nodes on the whole cluster", "create pods/eviction on the whole cluster"} <= set(draining)


def test_what_is_allowed_is_done_and_the_rest_refused_clearly(own, guest):
    assert list(guest.list("Pod", own.namespace)) == []
    with pytest.raises(RefusedError, match=r"listing services in .* 403 .*docs/faults\.md") as caught:
        list(guest.list("Service", own.namespace))
    assert (caught.value.status, caught.value.reason) == (403, "Forbidden")
    assert guest.can_i("list", "Service", own.namespace)[0] is False


def test_a_right_comes_before_existence(own, guest):
    """Who may not look is not told that something is absent: a refusal, and never `does not exist`."""
    for namespace in (own.namespace, "windtunnel-test-absent"):
        with pytest.raises(RefusedError, match="403"):
            guest.get("Deployment", "absent", namespace)
        with pytest.raises(RefusedError, match="reading namespace/"):
            resolve(Target(namespace=namespace, workload="deployment/web"), guest)


@pytest.mark.parametrize(
    ("fault", "parameters"), [("pod-delete", {"count": 2}), ("deployment-scale", {"replicas": 0})]
)
def test_an_injection_without_the_right_changes_nothing(own, cluster, guest, fault, parameters):
    ticket = own.plan(fault, own.deploy(), **parameters)
    before = own.uids()
    with pytest.raises(FaultError, match="403") as caught:
        FAULTS[fault].inject(guest, ticket)
    assert caught.value.hit == ()
    assert own.uids() == before


def test_an_undo_without_the_right_says_that_it_is_not_done(own, cluster, guest):
    fault, ticket = FAULTS["deployment-scale"], own.plan("deployment-scale", own.deploy(replicas=1), by=1)
    fault.inject(cluster, ticket)
    (step,) = fault.undo(guest, ticket).steps
    assert step.done is False
    assert "403" in step.error
    assert fault.undo(cluster, ticket).steps[0].done


def test_an_eviction_without_the_right_is_no_budgets_refusal(own, guest):
    own.deploy(replicas=1)
    (pod,) = own.pods()
    with pytest.raises(RefusedError) as caught:
        guest.evict(pod.name, own.namespace, uid=pod.uid)
    assert caught.value.status == 403


def test_a_lever_that_cannot_be_read_is_an_error_and_never_released(guest):
    with pytest.raises(RefusedError, match="reading configmap/halt"):
        halt.read(guest)


def test_neither_lease_nor_ticket_is_had_without_the_right(own, guest):
    claims = [Claim(f"{own.namespace}/deployment/web")]
    with pytest.raises(RefusedError, match="creating lease/"), hold(guest, claims, own.run_id):
        pytest.fail("a lease without the right to it")
    with pytest.raises(RefusedError, match="listing configmaps in windtunnel"):
        tickets.list_open(guest)


def test_a_watch_without_the_right_raises(own, guest):
    with (
        pytest.raises(RefusedError, match="listing services"),
        watching(guest, "Service", own.namespace) as seen,
    ):
        seen.wait_for("ADDED", "web")


def test_a_probe_without_the_right_cannot_answer(own, guest):
    context = ProbeContext(cluster=guest, namespace=own.namespace)
    answer = look(Probe("probe", KubernetesProbe("deployment/web")), context, SystemClock())
    assert answer.ok is None
    assert "403" in answer.error


def test_credentials_that_are_not_accepted_are_said_to_be_so(cluster, tmp_path):
    stranger = with_token(cluster, tmp_path, "nobody-knows-this-token")
    with pytest.raises(RefusedError, match=r"401 .*credentials are not accepted") as caught:
        list(stranger.list("Pod", "default"))
    assert caught.value.status == 401
