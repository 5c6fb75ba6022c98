"""A lane: a namespace, a node and a workload of its own, on which one run after another is killed."""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from windtunnel.clients import tickets
from windtunnel.clients.cluster import Cluster
from windtunnel.clients.lease_body import occupants
from windtunnel.clients.readiness import workload_readiness
from windtunnel.clock import SystemClock
from windtunnel.faults.marked_change import mark_of
from windtunnel.model.errors import NotFoundError
from windtunnel.undo.sweep import server_time

CLOCK = SystemClock()
TAINT = "windtunnel.dev/lane"
IMAGE = "registry.k8s.io/pause:3.10"
FAULTS = {
    "deployment-scale": "deployment-scale: {by: 1}",
    "pod-delete": "pod-delete: {count: 1, grace: 0s}",
    "node-drain": "node-drain: {timeout: 10s, grace: 0s}",
}
EXPERIMENT = """
experiment: {name}
hypothesis: Nothing is left behind.
owner: nobody
target: {{cluster: lab, namespace: {name}, workload: deployment/web}}
steady_state:
  - {{name: web, kubernetes: deployment/web, expect: ">= 0", interval: 200ms}}
faults: [{fault}]
duration: {duration}
recover_within: 3s
"""
POLICY = """
caps: {{pods: 4, percent: 100, nodes: 1, concurrent_runs: 50}}
last_replica: [{name}/deployment/web]
"""


@dataclass(slots=True)
class Lane:
    """One lane. Its workload runs on its node alone, and nothing else does."""

    cluster: Cluster
    name: str
    node: str
    folder: Path
    _before: dict[str, Any] = field(default_factory=dict)

    def lay(self) -> None:
        """Make namespace and workload, and keep the node for them."""
        taint = {"key": TAINT, "value": self.name, "effect": "NoExecute"}
        self.cluster.patch_merge("Node", self.node, patch={"spec": {"taints": [taint]}})
        labels = {"windtunnel.dev/enabled": "true"}
        self.cluster.create("Namespace", {"metadata": {"name": self.name, "labels": labels}})
        self.cluster.create("Deployment", workload(self.name, self.node), self.name)
        self.folder.mkdir(exist_ok=True)
        (self.folder / "windtunnel.yaml").write_text(POLICY.format(name=self.name), encoding="utf-8")
        self.rest()
        self._before = self.state()

    def file(self, fault: str, duration: str = "1s") -> Path:
        """Write the experiment with *fault*."""
        path = self.folder / f"{fault}.yaml"
        text = EXPERIMENT.format(name=self.name, fault=FAULTS[fault], duration=duration)
        path.write_text(text, encoding="utf-8")
        return path

    def start(self, fault: str, point: str, signal_name: str) -> subprocess.Popen[bytes]:
        """Start a run that kills itself at *point*; without a point, one that does not."""
        file = str(self.file(fault))
        module = ["tests.kill.victim", fault, point, signal_name] if point else ["windtunnel.cli", "run"]
        with (self.folder / "output").open("wb") as output:
            return subprocess.Popen([sys.executable, "-m", *module, file], stdout=output, stderr=output)

    def said(self) -> str:
        """Return the end of what the last run has said."""
        text = (self.folder / "output").read_text(encoding="utf-8", errors="replace")
        return " / ".join(text.splitlines()[-3:])

    def rest(self, within_s: float = 60.0) -> None:
        """Wait until the workload is complete."""
        until = CLOCK.monotonic() + within_s
        while not self._complete():
            assert CLOCK.monotonic() < until, f"{self.name} does not come to rest"
            CLOCK.wait(0.2)

    def state(self) -> dict[str, Any]:
        """Return what must be as before: both specs, and the marks on both objects."""
        web, node = self.cluster.get("Deployment", "web", self.name), self.cluster.get("Node", self.node)
        taints = [t for t in node["spec"].get("taints") or [] if t["key"] == TAINT]
        return {
            "web": json.dumps(web["spec"], sort_keys=True),
            "node": json.dumps({**node["spec"], "taints": taints}, sort_keys=True),
            "marks": [mark_of(web), mark_of(node)],
            "labels": [web["metadata"].get("labels"), node["metadata"].get("labels")],
        }

    def traces(self) -> tuple[int, frozenset[str]]:
        """Return what no fault leaves as it was, even when it is undone: the generation, and the pods."""
        web = self.cluster.get("Deployment", "web", self.name)
        pods = self.cluster.list("Pod", self.name)
        return web["metadata"]["generation"], frozenset(pod["metadata"]["uid"] for pod in pods)

    def replicas(self) -> int | None:
        """Return how many pods the workload asks for; None where there is none."""
        try:
            return int(self.cluster.get("Deployment", "web", self.name)["spec"]["replicas"])
        except NotFoundError:
            return None

    def leftovers(self) -> list[str]:
        """Return what a run has left: open tickets, and what is not as it was."""
        found = self.state()
        changed = [
            f"{key}: {value}, was {self._before[key]}"
            for key, value in found.items()
            if value != self._before[key]
        ]
        return [*(f"ticket {one.name} is {one.state}" for one in self.open_tickets()), *changed]

    def open_tickets(self) -> list[tickets.TicketOnCluster]:
        """Return the open tickets of this lane's runs."""
        return [one for one in tickets.list_open(self.cluster) if one.about.experiment == self.name]

    def clear(self) -> None:
        """Put everything right by hand, so that the next run is not judged by this one."""
        from windtunnel.faults import load_fault

        for one in self.open_tickets():
            if one.ticket:
                load_fault(one.ticket.fault).undo(self.cluster, one.ticket)
            tickets.delete(self.cluster, one.name)

    def leases(self) -> list[dict[str, Any]]:
        """Return the leases on this lane's things, those that have run out among them."""
        mine = (f"{self.name}/", f"node/{self.node}")
        found = self.cluster.list("Lease", "windtunnel")
        return [one for one in found if _thing(one).startswith(mine)]

    def held(self) -> list[str]:
        """Return the leases that keep the next run out, as sentences."""
        now = server_time(self.cluster, CLOCK)
        return [
            f"lease {one['metadata']['name']} is held by {other.run_id}"
            for one in self.leases()
            for other in occupants(one)
            if other.holds_at(now)
        ]

    def forget_leases(self) -> None:
        """Remove the leases of this lane's dead runs: they would run out by themselves."""
        for one in self.leases():
            try:
                self.cluster.delete("Lease", one["metadata"]["name"], "windtunnel")
            except NotFoundError:
                continue

    def _complete(self) -> bool:
        web = self.cluster.get("Deployment", "web", self.name)
        return workload_readiness({"kind": "Deployment", **web}).complete


def _thing(lease: dict[str, Any]) -> str:
    return str((lease["metadata"].get("annotations") or {}).get("windtunnel.dev/thing", ""))


def workload(name: str, node: str) -> dict[str, Any]:
    """Return the workload of the lane *name*: two pods that do nothing, on *node*."""
    pod = {
        "nodeSelector": {"kubernetes.io/hostname": node},
        "tolerations": [{"key": TAINT, "value": name}],
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "containers": [{"name": "main", "image": IMAGE}],
    }
    labels = {"app": "web"}
    spec = {
        "replicas": 2,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    return {"metadata": {"name": "web", "labels": {"windtunnel.dev/enabled": "true"}}, "spec": spec}
