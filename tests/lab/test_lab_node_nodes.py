"""The lab's nodes: how they introduce themselves, keep their lease and hand out addresses."""

import asyncio

import pytest

from infra.lab.client import ApiError
from infra.lab.node.nodes import LabNode, NodeReporter, document, status
from infra.lab.node.pod_keeper import AddressPool

NODE = LabNode(1, 64)


def test_nodes_lie_in_zones_and_networks_of_their_own():
    nodes = [LabNode(index, 64) for index in range(3)]
    assert [node.name for node in nodes] == ["worker-1", "worker-2", "worker-3"]
    assert [node.zone for node in nodes] == ["zone-a", "zone-b", "zone-c"]
    assert [node.address for node in nodes] == ["127.64.0.11", "127.64.0.12", "127.64.0.13"]
    assert [node.pod_network for node in nodes] == ["127.64.16", "127.64.17", "127.64.18"]


def test_a_node_registers_with_the_labels_that_schedulers_and_the_records_use():
    labels = document(NODE)["metadata"]["labels"]
    assert labels["real"] == "true"
    assert labels["kubernetes.io/hostname"] == "worker-2"
    assert labels["topology.kubernetes.io/zone"] == "zone-b"
    assert labels["kubernetes.io/os"] == "linux"


def test_a_transition_time_stays_while_the_condition_does():
    before = {
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2020-01-01T00:00:00Z"}]
    }
    ready = next(item for item in status(NODE, before)["conditions"] if item["type"] == "Ready")
    assert ready["lastTransitionTime"] == "2020-01-01T00:00:00Z"
    assert ready["lastHeartbeatTime"] != "2020-01-01T00:00:00Z"


class NodeStore:
    """An API server's nodes and leases, whose first answers may be refusals."""

    def __init__(self, *refusals: int) -> None:
        self.refusals = list(refusals)
        self.found: dict[str, dict] = {}
        self.renewals = 0

    def _refuse(self) -> None:
        if self.refusals:
            raise ApiError({"code": self.refusals.pop(0)})

    async def get(self, path: str, **_) -> dict:
        return self.found[path.removesuffix("/status")]

    async def post(self, path: str, body: dict, **_) -> dict:
        self._refuse()
        key = f"{path}/{body['metadata']['name']}"
        if key in self.found:
            raise ApiError({"code": 409})
        self.found[key] = body
        return body

    async def patch(self, path: str, body: dict, **_) -> dict:
        key = path.removesuffix("/status")
        if key not in self.found:
            raise ApiError({"code": 404})
        self.renewals += "leases" in path
        self.found[key] |= body
        return self.found[key]


def test_a_node_registers_once_the_api_server_lets_it():
    store = NodeStore(503, 403)
    asyncio.run(NodeReporter(NODE, api=store, heartbeat_s=10).register())
    lease = store.found["/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/worker-2"]
    assert lease["spec"]["holderIdentity"] == "worker-2"
    assert lease["spec"]["renewTime"].endswith("Z")
    assert "/api/v1/nodes/worker-2" in store.found


def test_a_node_that_is_there_already_is_taken_over():
    store = NodeStore()
    for _ in range(2):
        asyncio.run(NodeReporter(NODE, api=store, heartbeat_s=10).register())
    assert store.renewals == 1


def test_a_refusal_that_waiting_does_not_mend_is_an_error():
    with pytest.raises(ApiError):
        asyncio.run(NodeReporter(NODE, api=NodeStore(401), heartbeat_s=10).register())


def test_a_held_lease_is_renewed_and_a_doubted_node_reports_itself():
    async def run() -> NodeStore:
        store = NodeStore()
        reporter = NodeReporter(NODE, api=store, heartbeat_s=0.01)
        await reporter.register()
        store.found["/api/v1/nodes/worker-2"]["status"]["conditions"] = [
            {"type": "Ready", "status": "Unknown"}
        ]
        beating = asyncio.ensure_future(reporter.run())
        async with asyncio.timeout(5):
            while store.renewals < 3:  # noqa: ASYNC110 - the heart has no event
                await asyncio.sleep(0.01)
        beating.cancel()
        return store

    conditions = asyncio.run(run()).found["/api/v1/nodes/worker-2"]["status"]["conditions"]
    assert {item["type"]: item["status"] for item in conditions}["Ready"] == "True"


def test_addresses_are_handed_out_in_turn_and_rest_before_they_are_used_again():
    pool = AddressPool("127.64.16")
    assert [pool.take() for _ in range(3)] == ["127.64.16.2", "127.64.16.3", "127.64.16.4"]
    pool.give_back("127.64.16.2")
    assert pool.take() == "127.64.16.5"
    taken = {pool.take() for _ in range(250)}
    assert "127.64.16.2" in taken
    with pytest.raises(RuntimeError, match="no pod address is left"):
        pool.take()
