"""The lab's nodes as the API server sees them: registration, status, leases."""

import asyncio
import logging
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from infra.lab.client import Api, ApiError
from infra.lab.node import moments
from infra.lab.node.following import CONNECTION_ERRORS

Object = dict[str, Any]

LOG = logging.getLogger("lab.node.nodes")

KUBELET_PORT = 10250
KUBELET_VERSION = "v1.36.2"
REGION = "region-1"
LEASE_SECONDS = 40
STATUS_EVERY_BEATS = 30
"""A healthy node repeats its unchanged status every so many heartbeats (5 minutes, as a real one)."""

CAPACITY: Mapping[str, str] = MappingProxyType(
    {"cpu": "4", "memory": "8Gi", "pods": "110", "ephemeral-storage": "20Gi"}
)

ARCHITECTURES = MappingProxyType({"x86_64": "amd64", "aarch64": "arm64"})

HEALTH = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


@dataclass(frozen=True, slots=True)
class LabNode:
    """One node of the lab.

    Attributes:
        index: from 0.
        octet: second octet of the lab's network, 127.octet.0.0/16.
    """

    index: int
    octet: int

    @property
    def name(self) -> str:
        """worker-1, worker-2, ..."""
        return f"worker-{self.index + 1}"

    @property
    def zone(self) -> str:
        """zone-a, zone-b, ..."""
        return f"zone-{chr(ord('a') + self.index % 26)}"

    @property
    def address(self) -> str:
        """The node's own IP."""
        return f"127.{self.octet}.0.{11 + self.index}"

    @property
    def pod_network(self) -> str:
        """The first three octets of its pods' IPs."""
        return f"127.{self.octet}.{16 + self.index}"


def document(node: LabNode) -> Object:
    """The node as it registers itself."""
    architecture = ARCHITECTURES.get(platform.machine(), platform.machine())
    labels = {
        "kubernetes.io/hostname": node.name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": architecture,
        "beta.kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": architecture,
        "topology.kubernetes.io/region": REGION,
        "topology.kubernetes.io/zone": node.zone,
        "real": "true",
        "windtunnel.dev/enabled": "true",  # the lab is there to be drained
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name, "labels": labels},
        "spec": {"podCIDR": f"{node.pod_network}.0/24", "podCIDRs": [f"{node.pod_network}.0/24"]},
        "status": status(node, {}),
    }


def status(node: LabNode, before: Object) -> Object:
    """A healthy node's status; transition times are kept from the one before."""
    now = moments.timestamp()
    known = {item["type"]: item for item in before.get("conditions") or []}
    conditions = []
    for kind, value, reason, message in HEALTH:
        old = known.get(kind)
        since = old["lastTransitionTime"] if old and old["status"] == value else now
        times = {"lastHeartbeatTime": now, "lastTransitionTime": since}
        conditions.append({"type": kind, "status": value, **times, "reason": reason, "message": message})
    return {
        "capacity": dict(CAPACITY),
        "allocatable": dict(CAPACITY),
        "conditions": conditions,
        "addresses": [
            {"type": "InternalIP", "address": node.address},
            {"type": "Hostname", "address": node.name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": KUBELET_PORT}},
        "nodeInfo": {
            "machineID": node.name,
            "systemUUID": node.name,
            "bootID": node.name,
            "kernelVersion": platform.release(),
            "osImage": "windtunnel lab",
            "containerRuntimeVersion": "lab://1",
            "kubeletVersion": KUBELET_VERSION,
            "kubeProxyVersion": "",
            "operatingSystem": "linux",
            "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        },
    }


class NodeReporter:
    """Keeps one node registered and its lease renewed."""

    def __init__(self, node: LabNode, *, api: Api, heartbeat_s: float) -> None:
        self._node = node
        self._api = api
        self._heartbeat_s = heartbeat_s

    async def register(self) -> None:
        """Create the node, or take over the one that is there; the API server may still be starting."""
        pause = 0.05
        while True:
            try:
                await self._create()
                await self._report()
                await self._renew()
            except ApiError as error:
                if error.status not in (403, 404, 409, 429, 500, 503):
                    raise
                LOG.info("node %s is not registered yet: %s", self._node.name, error)
            except CONNECTION_ERRORS as error:
                LOG.debug("node %s waits for the API server: %s", self._node.name, error)
            else:
                return
            await asyncio.sleep(pause)
            pause = min(1.0, pause * 2)

    async def run(self) -> None:
        """Renew the lease for ever, and the status now and then."""
        beats = 0
        while True:
            await asyncio.sleep(self._heartbeat_s)
            beats += 1
            try:
                await self._renew()
                if beats % STATUS_EVERY_BEATS == 0 or await self._is_doubted():
                    await self._report()
            except (ApiError, *CONNECTION_ERRORS) as error:
                LOG.warning("node %s could not report: %s", self._node.name, error)

    async def _create(self) -> None:
        try:
            await self._api.post("/api/v1/nodes", document(self._node))
        except ApiError as error:
            if error.status != 409:
                raise

    async def _report(self) -> None:
        path = f"/api/v1/nodes/{self._node.name}"
        found = await self._api.get(path)
        wanted = status(self._node, found.get("status", {}))
        await self._api.patch(f"{path}/status", {"status": wanted})

    async def _is_doubted(self) -> bool:
        """Whether somebody holds this node for dead, after an interruption say."""
        found = await self._api.get(f"/api/v1/nodes/{self._node.name}")
        conditions = {
            item["type"]: item["status"] for item in found.get("status", {}).get("conditions") or []
        }
        return conditions.get("Ready") != "True"

    async def _renew(self) -> None:
        collection = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        now = moments.micro_timestamp()
        spec = {
            "holderIdentity": self._node.name,
            "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": now,
        }
        try:
            await self._api.patch(f"{collection}/{self._node.name}", {"spec": spec})
        except ApiError as error:
            if error.status != 404:
                raise
            lease = {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": self._node.name},
            }
            await self._api.post(collection, lease | {"spec": spec})
