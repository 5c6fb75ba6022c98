"""One test's namespace: small workloads in it, plans against them, and what to remove elsewhere."""

import os
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from windtunnel.clients.cluster import Cluster
from windtunnel.clients.kinds import Resource
from windtunnel.clients.readiness import Readiness, workload_readiness
from windtunnel.clients.targets import PodRef, resolve
from windtunnel.clock import SystemClock
from windtunnel.faults import load_fault
from windtunnel.faults.shape import Planning
from windtunnel.model.errors import ConflictError, NotFoundError
from windtunnel.model.experiment import Target
from windtunnel.model.ticket import UndoTicket

IMAGE = os.environ.get("WINDTUNNEL_TEST_IMAGE", "registry.k8s.io/pause:3.10")
MADE_HERE = {"app.kubernetes.io/managed-by": "windtunnel-test"}
ACCOUNT = "windtunnel-test"  # pods run as it: the namespace's default account comes when it comes
SERVICE_ACCOUNT = Resource("ServiceAccount", "serviceaccounts")
_FIRST_PODS_S = 180.0  # the image may have to be pulled


def eventually(question: Callable[[], Any], *, within_s: float = 60.0, every_s: float = 0.1) -> Any:
    """Wait until *question* has a true answer, and return it; fail with the last answer after a while."""
    deadline = time.monotonic() + within_s
    while not (answer := question()):
        assert time.monotonic() < deadline, f"still {answer!r} after {within_s:g}s"
        time.sleep(every_s)
    return answer


@dataclass(frozen=True, slots=True)
class Workspace:
    """A namespace that belongs to one test."""

    cluster: Cluster
    namespace: str

    @property
    def run_id(self) -> str:
        """The run in whose name this test acts."""
        return self.namespace.removeprefix("windtunnel-")

    def prepare(self) -> None:
        """Make what every pod of the namespace needs."""
        account = {"metadata": {"name": ACCOUNT}, "automountServiceAccountToken": False}
        self.cluster.create(SERVICE_ACCOUNT, account, self.namespace)

    def forget(self, elsewhere: str) -> None:
        """Remove the tickets and leases that this test has left in windtunnel's namespace."""
        mine = f"windtunnel.dev/run={self.run_id}"
        for ticket in self.cluster.list("ConfigMap", elsewhere, labels=mine, metadata_only=True):
            self._remove("ConfigMap", ticket, elsewhere)
        for lease in self.cluster.list("Lease", elsewhere, metadata_only=True):
            if self.namespace in str(lease["metadata"].get("annotations")):
                self._remove("Lease", lease, elsewhere)

    def _remove(self, kind: str, found: Mapping[str, Any], namespace: str) -> None:
        with suppress(NotFoundError, ConflictError):  # it ended, or was taken by somebody, meanwhile
            metadata = found["metadata"]
            self.cluster.delete(kind, metadata["name"], namespace, uid=metadata["uid"])

    def create(self, kind: str | Resource, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create an object of this namespace."""
        labels = body.get("labels") or {}
        rest = {key: value for key, value in body.items() if key != "labels"}
        whole = {"metadata": {"name": name, "labels": labels}, **rest}
        return self.cluster.create(kind, whole, self.namespace)

    def deploy(
        self,
        name: str = "web",
        *,
        replicas: int = 2,
        kind: str = "Deployment",
        labels: Mapping[str, str] | None = None,
        container: Mapping[str, Any] | None = None,
        wait: bool = True,
    ) -> Target:
        """Create a workload and, unless told otherwise, wait until it is complete."""
        spec: dict[str, Any] = {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod_spec(container or {})},
        }
        if kind == "StatefulSet":
            spec |= {"serviceName": name, "podManagementPolicy": "Parallel"}
        self.create(kind, name, {"labels": labels or {}, "spec": spec})
        if wait:
            self.wait_until_complete(name, kind=kind)
        return self.target(name, kind=kind)

    def wait_until_complete(self, name: str = "web", *, kind: str = "Deployment") -> None:
        """Wait until the workload has all its pods and nothing more."""
        eventually(lambda: self.readiness(name, kind=kind).complete, within_s=_FIRST_PODS_S)

    def readiness(self, name: str = "web", *, kind: str = "Deployment") -> Readiness:
        """Return how ready a workload is now."""
        return workload_readiness({"kind": kind, **self.cluster.get(kind, name, self.namespace)})

    def target(self, name: str = "web", *, kind: str = "Deployment") -> Target:
        """Name a workload as an experiment would."""
        return Target(namespace=self.namespace, workload=f"{kind.lower()}/{name}")

    def pods(self, name: str = "web", *, kind: str = "Deployment") -> tuple[PodRef, ...]:
        """Return the workload's pods that are not on their way out."""
        return resolve(self.target(name, kind=kind), self.cluster).candidates

    def uids(self, name: str = "web", *, kind: str = "Deployment") -> set[str]:
        """Return the UIDs of these pods."""
        return {pod.uid for pod in self.pods(name, kind=kind)}

    def plan(self, fault: str, target: Target, **parameters: Any) -> UndoTicket:
        """Prepare *fault* against *target*, as a run does."""
        now = SystemClock().now()
        planning = Planning(
            run_id=self.run_id,
            cluster=self.cluster,
            target=resolve(target, self.cluster),
            rng=random.Random(1),  # noqa: S311 - chooses victims, keeps no secret
            now=now,
            expires_at=now + timedelta(minutes=4),
        )
        return load_fault(fault).prepare(planning, parameters)


def pod_spec(container: Mapping[str, Any]) -> dict[str, Any]:
    """Return the spec of a tiny pod that the strictest pod security standard admits."""
    tiny = {"cpu": "1m", "memory": "8Mi"}
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    main = {"name": "main", "image": IMAGE, "resources": {"requests": tiny}, "securityContext": security}
    return {
        "serviceAccountName": ACCOUNT,
        "terminationGracePeriodSeconds": 5,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65535,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [{**main, **container}],
    }
