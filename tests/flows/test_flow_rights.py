"""Rights: what `windtunnel rbac` prints is enough, and nothing of it can be left out unnoticed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from tasks.needed_rights import needed_rights
from tests.flows.recording_proxy import RecordingProxy
from windtunnel.clients.kinds import Resource
from windtunnel.files import load_experiment, load_policies
from windtunnel.report.rbac import rbac_objects

pytestmark = [pytest.mark.lab, pytest.mark.prefect]
EXPERIMENTS = Path(__file__).parents[2] / "experiments"
SHIPPED = sorted(path for path in EXPERIMENTS.glob("*.yaml") if path.name != "windtunnel.yaml")
GROUP = "rbac.authorization.k8s.io"
KINDS = {
    kind: Resource(kind, f"{kind.lower()}s", GROUP, namespaced=not kind.startswith("Cluster"))
    for kind in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
}
ACCOUNT = Resource("ServiceAccount", "serviceaccounts")


@pytest.fixture
def account(cluster, lab, tmp_path):
    """Make a service account, grant it objects, and give the policy by which it reaches the lab."""
    made = []

    def create(kind, body, namespace=""):
        cluster.create(kind, body, namespace)
        made.append((kind, body["metadata"]["name"], namespace))

    create(ACCOUNT, {"metadata": {"name": "tester"}}, "windtunnel")

    def grant(objects):
        for each in objects:
            metadata = each["metadata"]
            create(KINDS[each["kind"]], {**each, "metadata": {**metadata, "name": "tester"}} | (
                {"roleRef": {**each["roleRef"], "name": "tester"}} if "roleRef" in each else {}
            ), metadata.get("namespace", ""))  # fmt: skip
        return _policy(cluster, lab, tmp_path)

    yield grant
    for kind, name, namespace in reversed(made):
        cluster.delete(kind, name, namespace)


def _policy(cluster, lab, folder):
    request = {"apiVersion": "authentication.k8s.io/v1", "spec": {"expirationSeconds": 3600}}
    tokens = Resource("TokenRequest", "serviceaccounts/tester/token", "")
    token = cluster.create(tokens, request, "windtunnel")["status"]["token"]
    config = yaml.safe_load(Path(lab["kubeconfig"]).read_text(encoding="utf-8"))
    config["users"][0]["user"] = {"token": token}
    path = folder / "tester.kubeconfig"
    path.write_text(json.dumps(config), encoding="utf-8")
    return f"clusters:\n  lab: {{kubeconfig: {path}, prometheus: '{lab['prometheus']}'}}\n"


def grants_of(path):
    policy = load_policies(path)
    return needed_rights(load_experiment(path, policy=policy), policy)


def objects_for(grants):
    return rbac_objects(grants, account="tester", namespace="windtunnel")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_experiment_runs_under_exactly_its_generated_rights(run, account, path):
    entry = account(objects_for(grants_of(path)))
    text = path.read_text(encoding="utf-8")
    shorter = yaml.safe_load(text) | {"duration": "3s", "abort_when": []}
    rules = (EXPERIMENTS / "windtunnel.yaml").read_text(encoding="utf-8")
    outcome = run(yaml.safe_dump(shorter), policy=rules + entry)
    assert "fault.injected" in outcome.kinds, outcome.judgement
    assert outcome.judgement.undo == "clean"
    assert outcome.judgement.verdict in {"passed", "deviated"}


def test_any_right_that_is_left_out_is_refused_before_anything_is_changed(run, account, written, cluster):
    path = EXPERIMENTS / "checkout-survives-pod-loss.yaml"
    whole = grants_of(path)
    deleting = [grant for grant in whole if "delete" in grant[0].verbs and grant[1] == "shop"]
    entry = account(objects_for([grant for grant in whole if grant not in deleting]))
    rules = (EXPERIMENTS / "windtunnel.yaml").read_text(encoding="utf-8")
    outcome = run(path.read_text(encoding="utf-8"), policy=rules + entry)
    assert (outcome.judgement.verdict, outcome.judgement.undo) == ("blocked", "clean")
    assert any("delete pods in shop" in finding for finding in outcome.judgement.findings)
    assert "undo.ticket" not in outcome.kinds


def test_plan_needs_no_right_to_change_anything(account, cluster, prefect_server, monkeypatch, tmp_path):
    from windtunnel.cli.entry import build

    path = EXPERIMENTS / "checkout-survives-pod-loss.yaml"
    reading = [
        (replace(rule, verbs=tuple({*rule.verbs} & {"get", "list", "watch"})), where)
        for rule, where in grants_of(path)
    ]
    entry = account(objects_for(reading))
    (tmp_path / "policy.yaml").write_text(entry, encoding="utf-8")
    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    before = state(cluster)
    done = CliRunner().invoke(
        build(), ["plan", str(path), "--policy", str(tmp_path / "policy.yaml"), "--json"]
    )
    told = json.loads(done.stdout)
    refused = {each["guardrail"]: each for each in told["decisions"] if each["outcome"] != "allow"}
    assert set(refused) == {"rights"}, refused
    assert "delete pods in shop" in refused["rights"]["reason"]
    assert (done.exit_code, told["would_start"]) == (3, False)
    assert told["tickets"][0]["fault"] == "pod-delete"
    assert all(probe["ok"] is not None for probe in told["probes"])  # each was looked at once
    assert state(cluster) == before


def state(cluster):
    """Everything that a run would change: pods, generations, and windtunnel's own objects."""
    return (
        sorted(pod["metadata"]["uid"] for pod in cluster.list("Pod", "shop")),
        [d["metadata"]["generation"] for d in cluster.list("Deployment", "shop")],
        [
            one["metadata"]["name"]
            for kind in ("ConfigMap", "Lease")
            for one in cluster.list(kind, "windtunnel")
        ],
    )


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_plan_asks_the_cluster_for_nothing_but_to_read(lab, prefect_server, monkeypatch, tmp_path, path):
    """With all rights at hand: what is not asked for cannot have been done."""
    from windtunnel.cli.entry import build

    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    with RecordingProxy(Path(lab["kubeconfig"])) as proxy:
        (tmp_path / "config").write_text(proxy.kubeconfig, encoding="utf-8")
        entry = (
            f"clusters:\n  lab: {{kubeconfig: {tmp_path / 'config'}, prometheus: '{lab['prometheus']}'}}\n"
        )
        (tmp_path / "policy.yaml").write_text(entry, encoding="utf-8")
        arguments = ["plan", str(path), "--policy", str(tmp_path / "policy.yaml"), "--seed", "7", "--json"]
        told = json.loads(CliRunner().invoke(build(), arguments).stdout)
    assert told["seed"] == 7
    assert told["tickets"], told
    assert {method for method, _ in proxy.asked} == {"GET", "POST"}
    posted = {where.partition("?")[0] for method, where in proxy.asked if method == "POST"}
    assert posted == {"/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"}
