"""The rights that `windtunnel rbac` prints: together enough, and none of them can be left out unnoticed."""

import json
from pathlib import Path

import pytest

from tasks.needed_rights import needed_rights
from windtunnel.clients.cluster import connect
from windtunnel.clients.kinds import Resource
from windtunnel.faults.rights import lacking
from windtunnel.files import load_experiment, load_policies
from windtunnel.model.policy import ClusterEntry
from windtunnel.report.rbac import GROUP, rbac_objects

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
SHIPPED = sorted(path for path in EXPERIMENTS.glob("*.yaml") if path.name != "windtunnel.yaml")
NAMESPACES = Resource("Namespace", "namespaces", namespaced=False)
KINDS = {
    kind: Resource(kind, f"{kind.lower()}s", GROUP, namespaced=not kind.startswith("Cluster"))
    for kind in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
}


@pytest.fixture
def granted(cluster, api_server, namespace, tmp_path):
    """Create objects for a service account, and give the cluster as it sees it; grants go in the end."""
    made = []

    def create(kind, body, where=""):
        cluster.create(kind, body, where)
        made.append((kind, body["metadata"]["name"], where))

    create(Resource("ServiceAccount", "serviceaccounts"), {"metadata": {"name": "tester"}}, namespace)
    tokens = Resource("TokenRequest", "serviceaccounts/tester/token", "")
    request = {"apiVersion": "authentication.k8s.io/v1", "spec": {"expirationSeconds": 3600}}
    token = cluster.create(tokens, request, namespace)["status"]["token"]
    config = json.loads(Path(api_server.entry.kubeconfig).read_text(encoding="utf-8"))
    config["users"][0]["user"]["token"] = token
    (tmp_path / "config").write_text(json.dumps(config), encoding="utf-8")

    def grant(objects):
        there = {found["metadata"]["name"] for found in cluster.list(NAMESPACES)}
        for place in {each["metadata"].get("namespace", "") for each in objects} - there - {""}:
            cluster.create(NAMESPACES, {"metadata": {"name": place}})  # left: nothing here would finalize it
        for each in objects:
            create(KINDS[each["kind"]], each, each["metadata"].get("namespace", ""))
        return connect(ClusterEntry(name="tester", kubeconfig=str(tmp_path / "config")))

    yield grant
    for kind, name, where in reversed(made):
        cluster.delete(kind, name, where)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_what_is_printed_is_enough_and_each_rule_of_it_is_missed(granted, cluster, namespace, path):
    policy = load_policies(path)
    grants = needed_rights(load_experiment(path, policy=policy), policy)
    objects = rbac_objects(grants, account="tester", namespace=namespace)
    tester = granted(objects)
    assert lacking(tester, grants) == ()
    for role in (each for each in objects if "rules" in each):
        kind, where = KINDS[role["kind"]], role["metadata"].get("namespace", "")
        for left_out in role["rules"]:
            _set_rules(cluster, kind, where, [rule for rule in role["rules"] if rule is not left_out])
            missing = lacking(tester, grants)
            assert missing, f"{left_out} of {role['kind']} {where} is granted and never asked about"
            for resource in left_out["resources"]:
                assert any(f" {resource} " in right for right in missing)
        _set_rules(cluster, kind, where, role["rules"])


def _set_rules(cluster, kind, where, rules):
    cluster.patch_merge(kind, "windtunnel", where, patch={"rules": rules})
