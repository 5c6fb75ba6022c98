"""Objects as controllers meet them, and a small cluster without nodes' programs to run controllers in."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.lab.apiserver.server import create_server
from infra.lab.client import ApiError, InProcessApi
from infra.lab.controllers import ControllerTimings, moments, run_controllers

Object = dict[str, Any]
NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
QUICK = ControllerTimings(retry_most_s=0.2, job_backoff_s=0.05)


class Make:
    """Builds objects with as little as a decision looks at."""

    now = NOW

    def __init__(self) -> None:
        self._serial = itertools.count(1)

    def item(self, kind: str, name: str, **more: Any) -> Object:
        """An object of any kind; metadata can be given part by part."""
        number = next(self._serial)
        metadata = {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-{name}-{number}",
            "resourceVersion": str(number),
            "creationTimestamp": "2026-01-01T11:00:00Z",
            "generation": 1,
            **more.pop("metadata", {}),
        }
        return {"apiVersion": more.pop("apiVersion", "v1"), "kind": kind, "metadata": metadata, **more}

    def pod(
        self,
        name: str,
        *,
        ready: bool = True,
        phase: str = "Running",
        node: str = "n1",
        labels: dict[str, str] | None = None,
        since: str = "2026-01-01T11:00:00Z",
        **metadata: Any,
    ) -> Object:
        """A pod in some state."""
        ready_condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": since}
        spec = {"containers": [{"name": "main", "image": "x"}], **({"nodeName": node} if node else {})}
        status = {"phase": phase, "conditions": [ready_condition], "podIP": f"10.0.0.{next(self._serial)}"}
        metadata = {"labels": labels or {"app": "web"}, **metadata}
        return self.item("Pod", name, metadata=metadata, spec=spec, status=status)

    def owned(self, item: Object, owner: Object) -> Object:
        """The same object with a controller."""
        reference = {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
        return {**item, "metadata": {**item["metadata"], "ownerReferences": [reference]}}

    def replica_set(
        self, name: str, replicas: int, *, available: int | None = None, revision: int = 1, **more: Any
    ) -> Object:
        """A ReplicaSet; all of its pods are available unless said otherwise."""
        available = replicas if available is None else available
        annotations = {
            "deployment.kubernetes.io/revision": str(revision),
            **more.pop("annotations", {}),
        }
        metadata = {"annotations": annotations, **more.pop("metadata", {})}
        status = {
            "replicas": replicas,
            "readyReplicas": available,
            "availableReplicas": available,
            "observedGeneration": 1,
        }
        spec = {"replicas": replicas, **self.selecting(), **more.pop("spec", {})}
        return self.item(
            "ReplicaSet", name, apiVersion="apps/v1", metadata=metadata, spec=spec, status=status
        )

    def deployment(self, name: str, replicas: int, *, status: Object | None = None, **spec: Any) -> Object:
        """A Deployment."""
        full = {"replicas": replicas, **self.selecting(), "progressDeadlineSeconds": 600, **spec}
        return self.item("Deployment", name, apiVersion="apps/v1", spec=full, status=status or {})

    @staticmethod
    def selecting(image: str = "x", **labels: str) -> Object:
        """A selector and a template that go together."""
        labels = labels or {"app": "web"}
        template = {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "main", "image": image}]},
        }
        return {"selector": {"matchLabels": labels}, "template": template}

    def node(
        self, name: str, *, ready: str = "True", taints: list[Object] | None = None, **more: Any
    ) -> Object:
        """A node of four processors."""
        labels = {"kubernetes.io/hostname": name, **more.pop("labels", {})}
        spec = {**({"taints": taints} if taints else {}), **more.pop("spec", {})}
        condition = {"type": "Ready", "status": ready, "lastHeartbeatTime": "2026-01-01T11:59:59Z"}
        allocatable = {"cpu": "4", "memory": "8Gi", "pods": "110", **more.pop("allocatable", {})}
        status = {"conditions": [condition], "allocatable": allocatable}
        return self.item("Node", name, metadata={"labels": labels, "namespace": ""}, spec=spec, status=status)


@pytest.fixture
def make() -> Make:
    """A builder of objects."""
    return Make()


class World:
    """A cluster to write to and to wait for."""

    def __init__(self, api: InProcessApi) -> None:
        self.api = api
        self.never_ready: set[str] = set()
        """Images whose pods run but never become ready."""
        self.silent_nodes: set[str] = set()
        """Nodes on which nobody does anything any longer."""

    async def eventually(self, question: Callable[[], Awaitable[Any]], *, within_s: float = 60.0) -> Any:
        """Ask until the answer is true; the answer."""
        answer = None
        try:
            async with asyncio.timeout(within_s):
                while not (answer := await question()):  # noqa: ASYNC110 - the server has nothing to wait on
                    await asyncio.sleep(0.01)
        except TimeoutError:
            pytest.fail(f"still {answer!r} after {within_s:g} s")
        return answer

    async def get(self, path: str) -> Object:
        """One object; an empty one where there is none."""
        try:
            return await self.api.get(path)
        except ApiError as error:
            if error.status == 404:
                return {}
            raise

    async def pods(self, namespace: str = "shop", **query: str) -> list[Object]:
        """The pods of a namespace."""
        return list((await self.api.get(f"/api/v1/namespaces/{namespace}/pods", **query))["items"])

    async def add_node(self, name: str, **labels: str) -> None:
        """A ready node."""
        body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}
        await self.api.post("/api/v1/nodes", body)
        allocatable = {"cpu": "4", "memory": "8Gi", "pods": "110"}
        await self.beat(name, allocatable=allocatable, capacity=allocatable)

    async def beat(self, name: str, *, ready: str = "True", **status: Any) -> None:
        """A node's report on itself."""
        stamp = moments.as_time(moments.now())
        condition = {"type": "Ready", "status": ready, "reason": "KubeletReady", "message": "-"}
        times = {"lastHeartbeatTime": stamp, "lastTransitionTime": stamp}
        await self.api.patch(
            f"/api/v1/nodes/{name}/status", {"status": {"conditions": [{**condition, **times}], **status}}
        )

    async def add_namespace(self, name: str = "shop") -> None:
        """A namespace with its service account."""
        await self.api.post(
            "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        )
        await self.eventually(lambda: self.get(f"/api/v1/namespaces/{name}/serviceaccounts/default"))

    async def add(
        self, kind: str, name: str, spec: Object, *, plural: str = "", group: str = "apps/v1"
    ) -> Object:
        """An object of a workload kind."""
        body = {"apiVersion": group, "kind": kind, "metadata": {"name": name}, "spec": spec}
        root = f"/apis/{group}" if "/" in group else f"/api/{group}"
        return await self.api.post(f"{root}/namespaces/shop/{plural or kind.lower() + 's'}", body)

    @staticmethod
    def template(image: str = "x", app: str = "web", **spec: Any) -> Object:
        """A pod template with one container."""
        containers = [{"name": "main", "image": image, **spec.pop("container", {})}]
        return {"metadata": {"labels": {"app": app}}, "spec": {"containers": containers, **spec}}

    def workload(self, replicas: int, image: str = "x", app: str = "web", **more: Any) -> Object:
        """The spec of a workload of some replicas."""
        selector = {"matchLabels": {"app": app}}
        return {"replicas": replicas, "selector": selector, "template": self.template(image, app), **more}

    async def deployed(self, replicas: int = 3, **more: Any) -> None:
        """A namespace with a deployment `web` that is available."""
        await self.add_namespace()
        await self.add("Deployment", "web", self.workload(replicas, **more))
        path = "/apis/apps/v1/namespaces/shop/deployments/web"
        await self.status_reaches(path, availableReplicas=replicas)

    async def status_reaches(self, path: str, **wanted: Any) -> None:
        """Wait until the status is of the current generation and has these values."""

        async def ask() -> bool:
            found = await self.get(path)
            generation = found.get("metadata", {}).get("generation")
            status = found.get("status", {})
            current = status.get("observedGeneration", generation) == generation
            return current and all(status.get(name) == value for name, value in wanted.items())

        await self.eventually(ask)

    async def events(self, about: str) -> list[tuple[str, str]]:
        """Reason and message of every event about an object."""
        found = await self.api.get(
            "/api/v1/namespaces/shop/events", fieldSelector=f"involvedObject.name={about}"
        )
        return [(one["reason"], one["message"]) for one in found["items"]]

    async def play_nodes(self) -> None:
        """Stand for kubelets: bound pods run and become ready, deleted ones end."""
        version = (await self.api.get("/api/v1/pods"))["metadata"]["resourceVersion"]
        addresses = itertools.count(1)
        async for event, pod in self.api.watch("/api/v1/pods", resource_version=version):
            if (
                event != "DELETED"
                and pod["spec"].get("nodeName")
                and pod["spec"]["nodeName"] not in self.silent_nodes
            ):
                await self._play(pod, f"10.1.{next(addresses) % 250}.1")
                await asyncio.sleep(0)

    async def _play(self, pod: Object, address: str) -> None:
        path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
        image, phase = pod["spec"]["containers"][0]["image"], pod["status"].get("phase")
        try:
            if "deletionTimestamp" in pod["metadata"]:
                await self.api.delete(
                    path, {"gracePeriodSeconds": 0, "preconditions": {"uid": pod["metadata"]["uid"]}}
                )
            elif phase == "Pending" and image in {"ends-well", "ends-badly"}:
                await self.api.patch(
                    f"{path}/status", _ended("Succeeded" if image == "ends-well" else "Failed")
                )
            elif phase == "Pending":
                await self.api.patch(
                    f"{path}/status", _running(pod, address, ready=image not in self.never_ready)
                )
        except ApiError as error:
            if error.status not in {404, 409}:
                raise


def _ended(phase: str) -> Object:
    return {"status": {"phase": phase}}


def _running(pod: Object, address: str, *, ready: bool) -> Object:
    stamp = moments.as_time(moments.now())
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": stamp}
    conditions = [*(pod["status"].get("conditions") or ()), condition]
    return {"status": {"phase": "Running", "podIP": address, "conditions": conditions}}


@pytest.fixture
def in_cluster(tmp_path) -> Callable[..., None]:
    """Run a scenario in a fresh cluster with controllers and played nodes."""

    def run(
        scenario: Callable[[World], Awaitable[None]], *, nodes: int = 2, timings: ControllerTimings = QUICK
    ) -> None:
        asyncio.run(_run(scenario, nodes, timings, tmp_path))

    return run


async def _run(scenario: Any, nodes: int, timings: ControllerTimings, folder: Any) -> None:
    ca_file = folder / "ca.crt"
    ca_file.write_text("a certificate")
    server = create_server(
        host="127.0.0.1", port=1, cert_file="", key_file="", ca_file=str(ca_file), admin_token="t"
    )
    api = InProcessApi(server)
    world, started = World(api), asyncio.Event()
    controllers = asyncio.create_task(
        run_controllers(api, timings=timings, root_ca="a certificate", started=started)
    )
    await asyncio.wait_for(started.wait(), 10)
    kubelets = asyncio.create_task(world.play_nodes())
    try:
        for number in range(nodes):
            await world.add_node(f"n{number + 1}")
        await scenario(world)
        for task in (controllers, kubelets):
            assert not task.done(), task.exception()
    finally:
        for task in (controllers, kubelets):
            task.cancel()
        await asyncio.gather(controllers, kubelets, return_exceptions=True)
