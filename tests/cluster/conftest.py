"""The cluster these tests talk to: the one given by `make test-cluster KUBECONFIG=...`, or else the lab.

They are the contract of what windtunnel asks of a cluster, so that nothing here may hold in the lab alone.
Each test has a namespace of its own and leaves nothing behind. Of a given cluster they ask for the rights of
an administrator, and they need the image `registry.k8s.io/pause:3.10` or the one named by
WINDTUNNEL_TEST_IMAGE. Nodes are cordoned only when WINDTUNNEL_TEST_NODES=1 allows it. What a killed test run
left is removed with `kubectl delete namespace -l app.kubernetes.io/managed-by=windtunnel-test`.
"""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.strict_connection import StrictConnection
from tests.cluster.workspace import MADE_HERE, Workspace, eventually
from windtunnel.clients.cluster import Cluster
from windtunnel.clients.connection import open_connection
from windtunnel.clients.installation import cluster_entry
from windtunnel.clients.own_namespace import NAMESPACE
from windtunnel.model.errors import ConflictError, NotFoundError
from windtunnel.model.policy import ClusterEntry, Policy

GIVEN = os.environ.get(
    "WINDTUNNEL_TEST_KUBECONFIG", ""
)  # never KUBECONFIG, which is somebody's daily cluster
NODES = "WINDTUNNEL_TEST_NODES"
_LONGEST_S = 300  # a real cluster pulls images and finalises namespaces


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of this folder their mark, and the time that a real cluster may take."""
    here = Path(__file__).parent
    for item in items:
        if item.path.parent == here:
            item.add_marker(pytest.mark.cluster)
            item.add_marker(pytest.mark.timeout(_LONGEST_S))


@pytest.fixture(scope="session")
def entry(request: pytest.FixtureRequest) -> ClusterEntry:
    """How to reach the cluster."""
    if GIVEN:
        return ClusterEntry(name="", kubeconfig=GIVEN)
    request.getfixturevalue("lab")
    return cluster_entry(Policy(), "lab")


@pytest.fixture(scope="session")
def cluster(entry: ClusterEntry) -> Cluster:
    """The cluster as windtunnel sees it, except that the server checks every field of what it is sent."""
    plain = open_connection(entry)
    strict = Cluster(StrictConnection(plain.client, plain.name))
    strict.version()  # one clear error when it cannot be reached, and not one for each test
    return strict


@pytest.fixture(scope="session")
def namespaces(cluster: Cluster) -> Iterator[list[str]]:
    """The namespaces made so far; at the end all of them must be gone."""
    made: list[str] = []
    yield made
    for name in made:
        eventually(lambda name=name: not exists(cluster, name), within_s=180)


@pytest.fixture
def workspace(cluster: Cluster, namespaces: list[str]) -> Iterator[Workspace]:
    """A namespace for one test, opted in."""
    name = f"windtunnel-test-{secrets.token_hex(4)}"
    labels = {**MADE_HERE, "windtunnel.dev/enabled": "true"}
    cluster.create("Namespace", {"metadata": {"name": name, "labels": labels}})
    namespaces.append(name)
    space = Workspace(cluster, name)
    try:
        space.prepare()
        yield space
    finally:
        cluster.delete("Namespace", name)


@pytest.fixture(scope="session")
def product_namespace(cluster: Cluster) -> Iterator[str]:
    """The namespace of windtunnel's own objects; where it was absent, it is absent again at the end."""
    ours = make_own_namespace(cluster)
    yield NAMESPACE
    if ours:
        cluster.delete("Namespace", NAMESPACE)
        eventually(lambda: not exists(cluster, NAMESPACE), within_s=180)


@pytest.fixture
def own(workspace: Workspace, product_namespace: str) -> Iterator[Workspace]:
    """A workspace that may also leave tickets and leases in windtunnel's namespace; they are removed."""
    try:
        yield workspace
    finally:
        workspace.forget(product_namespace)


@pytest.fixture
def open_nodes(cluster: Cluster) -> tuple[str, ...]:
    """Names of the nodes that take pods: at least three, one to cordon and two besides."""
    if GIVEN and os.environ.get(NODES) != "1":
        pytest.skip(f"cordoning a node of a given cluster must be allowed: set {NODES}=1")
    found = tuple(node["metadata"]["name"] for node in cluster.list("Node") if takes_pods(node))
    if len(found) < 3:
        pytest.skip(f"only {len(found)} nodes take pods; at least 3 are needed to cordon one")
    return found


def takes_pods(node: dict) -> bool:
    """Say whether a node is ready and takes any pod."""
    conditions = {c["type"]: c["status"] for c in node["status"].get("conditions") or ()}
    taints = {taint["effect"] for taint in node["spec"].get("taints") or ()}
    shut = node["spec"].get("unschedulable") or taints & {"NoSchedule", "NoExecute"}
    return conditions.get("Ready") == "True" and not shut


def make_own_namespace(cluster: Cluster) -> bool:
    """Create windtunnel's namespace where it is absent; say whether that was needed."""

    def there() -> bool:
        phase = cluster.get("Namespace", NAMESPACE)["status"].get("phase")
        return phase != "Terminating"

    if exists(cluster, NAMESPACE) and there():
        return False
    eventually(lambda: not exists(cluster, NAMESPACE), within_s=180)
    try:
        cluster.create("Namespace", {"metadata": {"name": NAMESPACE, "labels": MADE_HERE}})
    except ConflictError:
        return False  # somebody made it in this moment
    return True


def exists(cluster: Cluster, namespace: str) -> bool:
    """Say whether a namespace is there, be it on its way out."""
    try:
        cluster.get("Namespace", namespace)
    except NotFoundError:
        return False
    return True
