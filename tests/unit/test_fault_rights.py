"""Asking for a fault's rights before it is used, against an API server that knows accounts."""

import json
from pathlib import Path

import pytest

from windtunnel.clients.cluster import Cluster, connect
from windtunnel.clients.kinds import Resource
from windtunnel.faults import FAULTS
from windtunnel.faults.rights import missing_rights
from windtunnel.model.errors import RefusedError
from windtunnel.model.policy import ClusterEntry


@pytest.fixture
def guest(cluster, api_server, namespace, tmp_path) -> Cluster:
    """Give the cluster as a service account sees it that may only read and delete pods of its namespace."""
    cluster.create(Resource("ServiceAccount", "serviceaccounts"), {"metadata": {"name": "guest"}}, namespace)
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "delete"]}
    group = "rbac.authorization.k8s.io"
    cluster.create(
        Resource("Role", "roles", group), {"metadata": {"name": "guest"}, "rules": [rule]}, namespace
    )
    subject = {"kind": "ServiceAccount", "name": "guest", "namespace": namespace}
    reference = {"apiGroup": group, "kind": "Role", "name": "guest"}
    binding = {"metadata": {"name": "guest"}, "subjects": [subject], "roleRef": reference}
    cluster.create(Resource("RoleBinding", "rolebindings", group), binding, namespace)
    tokens = Resource("TokenRequest", "serviceaccounts/guest/token", "")
    request = {"apiVersion": "authentication.k8s.io/v1", "spec": {"expirationSeconds": 3600}}
    token = cluster.create(tokens, request, namespace)["status"]["token"]
    config = json.loads(Path(api_server.entry.kubeconfig).read_text())
    config["users"][0]["user"]["token"] = token
    (tmp_path / "config").write_text(json.dumps(config))
    return connect(ClusterEntry(name="guest", kubeconfig=str(tmp_path / "config")))


@pytest.mark.parametrize("name", list(FAULTS))
def test_an_administrator_lacks_nothing(cluster, namespace, name):
    assert missing_rights(cluster, FAULTS[name].rbac, namespace) == ()


def test_every_right_that_is_missing_is_named(guest, namespace):
    missing = missing_rights(guest, FAULTS["pod-delete"].rbac, namespace)
    assert f"delete pods in {namespace}" not in missing
    assert f"get deployments in {namespace}" in missing
    assert "get namespaces on the whole cluster" in missing
    assert "create pods/eviction on the whole cluster" in missing_rights(
        guest, FAULTS["node-drain"].rbac, namespace
    )


def test_a_refusal_names_the_right_and_where_to_read_on(guest, namespace):
    with pytest.raises(RefusedError, match=r"listing services in .* 403 .*docs/faults\.md"):
        list(guest.list("Service", namespace))
