"""An API server without controllers, for tests of what the product says to one: real HTTP, no surprises."""

import itertools
import json
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from windtunnel.clients.cluster import Cluster, connect
from windtunnel.clients.kinds import Resource
from windtunnel.clients.targets import ResolvedTarget, resolve
from windtunnel.clients.tickets import ticket_from_json, ticket_to_json
from windtunnel.clock import SystemClock
from windtunnel.faults.shape import Fault, Planning
from windtunnel.model.errors import UnreachableError
from windtunnel.model.experiment import Target
from windtunnel.model.policy import ClusterEntry
from windtunnel.model.ticket import UndoTicket

SERVER = Path(__file__).with_name("bare_api_server.py")
TOKEN = "token-of-the-tests"


@dataclass(frozen=True)
class ApiServerProcess:
    entry: ClusterEntry
    url: str


@pytest.fixture(scope="session")
def api_server(tmp_path_factory) -> Iterator[ApiServerProcess]:
    """Start the lab's API server alone, once for all tests."""
    folder = tmp_path_factory.mktemp("api-server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"https://127.0.0.1:{port}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(SERVER), str(folder), str(port), TOKEN], stdout=subprocess.PIPE, stderr=log
        )
    try:
        ca_file = process.stdout.readline().decode().strip()
        entry = ClusterEntry(name="test", kubeconfig=str(write_kubeconfig(folder, url, ca_file)))
        wait_until_up(connect(entry))
        yield ApiServerProcess(entry, url)
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def write_kubeconfig(folder: Path, url: str, ca_file: str, token: str = TOKEN) -> Path:
    path = folder / f"kubeconfig-{abs(hash((url, ca_file, token)))}"
    cluster = {"server": url, "certificate-authority": ca_file}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }
    path.write_text(json.dumps(config))
    return path


def wait_until_up(cluster: Cluster) -> None:
    for _ in range(100):
        try:
            list(cluster.list("Namespace"))
        except UnreachableError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("the API server did not come up")


@pytest.fixture(scope="session")
def cluster(api_server) -> Cluster:
    """Give the product's client, connected to the API server, with windtunnel's namespace in place."""
    found = connect(api_server.entry)
    found.create("Namespace", {"metadata": {"name": "windtunnel"}})
    return found


_numbers = itertools.count(1)


@pytest.fixture
def namespace(cluster) -> str:
    """Make a namespace for one test."""
    return new_namespace(cluster)


def new_namespace(cluster: Cluster) -> str:
    name = f"space-{next(_numbers)}"
    cluster.create("Namespace", {"metadata": {"name": name, "labels": {"team": "payments"}}})
    accounts = Resource("ServiceAccount", "serviceaccounts")
    cluster.create(
        accounts, {"metadata": {"name": "default"}}, name
    )  # without controllers nobody else makes it
    return name


@pytest.fixture
def make_pod(cluster) -> Callable[..., dict]:
    """Make a running, ready pod, as its node agent would leave it."""

    def make(
        namespace: str, name: str, *, owner: dict | None = None, node: str = "", app: str = "checkout", **spec
    ) -> dict:
        reference = {"apiVersion": "apps/v1", "controller": True, **owner} if owner else None
        body = {
            "metadata": {
                "name": name,
                "labels": {"app": app},
                "ownerReferences": [reference] if reference else [],
            },
            "spec": {
                "containers": [{"name": "main", "image": "example.com/none:1"}],
                "terminationGracePeriodSeconds": 0,
                **({"nodeName": node} if node else {}),
                **spec,
            },
        }
        cluster.create("Pod", body, namespace)
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        return cluster.patch_merge("Pod", name, namespace, patch={"status": status}, subresource="status")

    return make


@pytest.fixture
def make_deployment(cluster, make_pod) -> Callable[..., dict]:
    """Make a deployment with its replica set and ready pods, as the controllers would leave them."""

    def make(namespace: str, name: str = "checkout", *, replicas: int = 3, kind: str = "Deployment") -> dict:
        spec = {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": "example.com/none:1"}]},
            },
            **({"serviceName": name} if kind == "StatefulSet" else {}),
        }
        found = cluster.create(kind, {"metadata": {"name": name}, "spec": spec}, namespace)
        owner = {"kind": kind, "name": name, "uid": found["metadata"]["uid"]}
        if kind == "Deployment":
            reference = {"apiVersion": "apps/v1", "controller": True, **owner}
            metadata = {"name": f"{name}-1", "labels": {"app": name}, "ownerReferences": [reference]}
            rs = cluster.create("ReplicaSet", {"metadata": metadata, "spec": spec}, namespace)
            owner = {"kind": "ReplicaSet", "name": f"{name}-1", "uid": rs["metadata"]["uid"]}
        for number in range(replicas):
            make_pod(namespace, f"{name}-1-{number}", owner=owner, app=name)
        return set_workload_status(cluster, kind, name, namespace, replicas=replicas)

    return make


def set_workload_status(cluster: Cluster, kind: str, name: str, namespace: str, *, replicas: int) -> dict:
    found = cluster.get(kind, name, namespace)
    counters = dict.fromkeys(("replicas", "readyReplicas", "updatedReplicas", "availableReplicas"), replicas)
    status = {**counters, "observedGeneration": found["metadata"]["generation"]}
    return cluster.patch_merge(kind, name, namespace, patch={"status": status}, subresource="status")


@pytest.fixture
def plan(cluster) -> Callable[..., UndoTicket]:
    """Prepare a fault, and give its ticket as it comes back from where it was stored."""

    def prepare(fault: Fault, target: Target | ResolvedTarget, *, seed: int = 1, **parameters) -> UndoTicket:
        now = SystemClock().now().replace(microsecond=0)
        planning = Planning(
            run_id=f"run-{next(_numbers)}",
            cluster=cluster,
            target=target if isinstance(target, ResolvedTarget) else resolve(target, cluster),
            rng=random.Random(seed),  # noqa: S311 - chooses victims, keeps no secret
            now=now,
            expires_at=now + timedelta(minutes=5),
        )
        return ticket_from_json(ticket_to_json(fault.prepare(planning, parameters)))

    return prepare


@pytest.fixture
def make_node(cluster) -> Callable[..., dict]:
    """Make a ready node without any agent behind it."""

    def make(name: str, **labels: str) -> dict:
        cluster.create("Node", {"metadata": {"name": name, "labels": labels}})
        status = {"conditions": [{"type": "Ready", "status": "True"}]}
        return cluster.patch_merge("Node", name, patch={"status": status}, subresource="status")

    return make


@pytest.fixture
def workload_status(cluster) -> Callable[..., dict]:
    """Write a workload's counters, as its controller would."""
    return lambda kind, name, namespace, *, replicas: set_workload_status(
        cluster, kind, name, namespace, replicas=replicas
    )
