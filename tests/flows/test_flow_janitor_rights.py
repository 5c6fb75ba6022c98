"""The janitor's rights: its manifest grants what undo needs, and nothing else, and with that it undoes."""

from pathlib import Path

import pytest
import yaml

from tests.flows.dead_run import plan_of
from tests.flows.test_flow_rights import account  # noqa: F401 - a fixture
from windtunnel.clients import tickets
from windtunnel.clients.cluster import connect
from windtunnel.clients.installation import cluster_entry
from windtunnel.clock import SystemClock
from windtunnel.faults import FAULTS, load_fault
from windtunnel.files import parse_policy
from windtunnel.report.rbac import rbac_objects
from windtunnel.undo.sweep import sweep

pytestmark = [pytest.mark.lab, pytest.mark.prefect]
MANIFEST = Path(__file__).parents[2] / "infra" / "kubernetes" / "janitor" / "janitor.yaml"
WRITTEN = {
    "deployment-scale": "deployment-scale: {by: 1}",
    "pod-delete": "pod-delete: {count: 1, grace: 0s}",
    "node-drain": "node-drain: {timeout: 10s, grace: 0s}",
}


def documents(*kinds: str, subject: str = "windtunnel-janitor") -> list[dict]:
    """Return the objects of some kinds, for another service account where one is given."""
    text = MANIFEST.read_text(encoding="utf-8").replace("name: windtunnel-janitor", f"name: {subject}")
    return [one for one in yaml.safe_load_all(text) if one["kind"] in kinds]


def test_the_manifest_grants_what_the_faults_say_that_undo_needs():
    grants = [(rule, "") for fault in FAULTS.values() for rule in fault.undo_rbac]
    wanted, _ = rbac_objects(grants, account="x", namespace="y")
    (written,) = documents("ClusterRole")
    assert sorted(written["rules"], key=str) == sorted(map(dict, wanted["rules"]), key=str)


def test_every_fault_is_tried():
    assert set(WRITTEN) == set(FAULTS)


@pytest.mark.parametrize("fault", FAULTS)
def test_under_exactly_these_rights_the_janitor_undoes(account, cluster, written, fault):  # noqa: F811
    entry = account(documents("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", subject="tester"))
    limited = connect(cluster_entry(parse_policy(entry, "windtunnel.yaml"), "lab"))
    then = SystemClock().now()
    ticket = plan_of(cluster, written(fault=WRITTEN[fault]), f"dead-{fault}", then)
    tickets.write(cluster, ticket)
    load_fault(fault).inject(cluster, ticket)
    (one,) = sweep(limited, clock=SystemClock(), load_fault=load_fault).swept
    assert (one.found.name, one.report.state) == (ticket.id, "clean"), one.report
    assert sweep(limited, clock=SystemClock(), load_fault=load_fault).swept == ()
    tickets.delete(cluster, ticket)
