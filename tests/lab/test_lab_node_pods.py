"""Pods on a node: real processes, what the API server is told of them, and how they end."""

import asyncio
import copy
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from infra.lab.client import ApiError
from infra.lab.node import left_overs
from infra.lab.node.container_log import LogQuery
from infra.lab.node.events import EventRecorder
from infra.lab.node.nodes import LabNode
from infra.lab.node.pod_keeper import PodKeeper
from infra.lab.node.spawner import Spawner
from infra.lab.node.workshop import Timings, Workshop

NODE = LabNode(0, 94)
PODS = "/api/v1/pods"
QUICK = Timings(back_off=0.2, most_back_off=1.0, pull_error=0.05, config_retry=0.1, first_probe=0.05)


@dataclass
class PodStore:
    """As much of an API server as a node agent needs: pods with conflicts and watches, events, settings."""

    pods: dict[str, dict] = field(default_factory=dict)
    history: list[tuple[str, dict]] = field(default_factory=list)
    events: list[dict] = field(default_factory=list)
    config_maps: dict[str, dict] = field(default_factory=dict)
    watchers: list[asyncio.Queue] = field(default_factory=list)
    version: int = 0

    def put_pod(self, kind: str, pod: dict) -> dict:
        self.version += 1
        pod["metadata"]["resourceVersion"] = str(self.version)
        if kind == "DELETED":
            self.pods.pop(pod["metadata"]["name"])
        else:
            self.pods[pod["metadata"]["name"]] = pod
        self.history.append((kind, copy.deepcopy(pod)))
        for queue in self.watchers:
            queue.put_nowait((kind, copy.deepcopy(pod)))
        return pod

    def found(self, path: str) -> dict:
        name = path.removesuffix("/status").rpartition("/")[2]
        if name not in self.pods:
            raise ApiError({"code": 404, "reason": "NotFound"})
        return self.pods[name]

    async def get(self, path: str, **_) -> dict:
        if path == PODS:
            return {"metadata": {"resourceVersion": str(self.version)}, "items": list(self.pods.values())}
        if "/configmaps/" in path:
            name = path.rpartition("/")[2]
            if name in self.config_maps:
                return {"data": self.config_maps[name]}
            raise ApiError({"code": 404, "message": f'configmaps "{name}" not found'})
        return copy.deepcopy(self.found(path))

    async def post(self, path: str, body: dict, **_) -> dict:
        assert path.endswith("/events")
        self.events.append(body)
        return body

    async def patch(self, path: str, body: dict, **_) -> dict:
        event = next(item for item in self.events if item["metadata"]["name"] == path.rpartition("/")[2])
        event.update(body)
        return event

    async def put(self, path: str, body: dict, **_) -> dict:
        now = self.found(path)
        if body["metadata"]["resourceVersion"] != now["metadata"]["resourceVersion"]:
            raise ApiError({"code": 409, "reason": "Conflict"})
        return copy.deepcopy(self.put_pod("MODIFIED", {**now, "status": copy.deepcopy(body["status"])}))

    async def delete(self, path: str, body: dict | None = None, **_) -> dict:
        pod = copy.deepcopy(self.found(path))
        assert body is not None
        assert body["preconditions"]["uid"] == pod["metadata"]["uid"]
        pod["metadata"]["deletionGracePeriodSeconds"] = 0
        return self.put_pod("DELETED", pod)

    async def watch(self, _path: str, **_) -> AsyncIterator[tuple[str, dict]]:
        queue: asyncio.Queue = asyncio.Queue()
        self.watchers.append(queue)
        while True:
            yield await queue.get()

    def create(self, name: str, *containers: dict, **spec: Any) -> None:
        meta = {"name": name, "namespace": "t", "uid": f"uid-{name}-{self.version}", "generation": 1}
        full = {"nodeName": NODE.name, "restartPolicy": "Always", "terminationGracePeriodSeconds": 5}
        self.put_pod(
            "ADDED",
            {"metadata": meta, "spec": {**full, "containers": list(containers), **spec}, "status": {}},
        )

    def ask_to_delete(self, name: str, grace: int) -> None:
        pod = copy.deepcopy(self.pods[name])
        pod["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": grace}
        self.put_pod("MODIFIED", pod)

    def container(self, name: str) -> dict:
        return self.pods[name]["status"].get("containerStatuses", [{}])[0]

    def reasons(self) -> list[str]:
        return [event["reason"] for event in self.events]

    def phases(self, name: str) -> list[str]:
        """The phases a watcher sees, repetitions left out."""
        seen = [pod["status"].get("phase", "") for _, pod in self.history if pod["metadata"]["name"] == name]
        return [phase for number, phase in enumerate(seen) if number == 0 or seen[number - 1] != phase]


def shell(script: str, **fields: Any) -> dict:
    return {"name": "main", "image": "localhost/busybox:1", "command": ["sh", "-c", script], **fields}


@asynccontextmanager
async def node(folder: Path, store: PodStore) -> AsyncIterator[PodKeeper]:
    spawner = Spawner()
    events = EventRecorder(store)
    workshop = Workshop(store, spawner, events, QUICK, lambda _: [], folder)
    keeper = PodKeeper([NODE], workshop)
    await spawner.open()
    tasks = [asyncio.ensure_future(work.run()) for work in (events, keeper)]
    try:
        async with keeper:
            yield keeper
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await spawner.close()


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the processes watched have no event to wait for
            await asyncio.sleep(0.01)


Story = Callable[[PodStore, PodKeeper], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Callable[[Story], None]]:
    def run(story: Story) -> None:
        async def whole() -> None:
            store = PodStore()
            async with node(tmp_path, store) as keeper:
                await story(store, keeper)

        asyncio.run(whole())

    yield run
    assert left_overs.kill(tmp_path) == 0, "a process of a pod was left running"


def test_a_pod_runs_as_a_process_and_becomes_ready(play):
    async def story(store: PodStore, keeper: PodKeeper) -> None:
        store.create("web", shell("echo hello; exec sleep 60"))
        await until(lambda: store.container("web").get("ready", False))
        assert store.phases("web") == ["", "Pending", "Running"]
        assert store.pods["web"]["status"]["podIP"] == "127.94.16.2"
        await until(lambda: store.reasons() == ["Pulled", "Created", "Started"])
        runner = keeper.worker("t", "web").runner("main")
        await until(lambda: runner.logs[-1].read(LogQuery()) == b"hello\n")

    play(story)


def test_a_deleted_pod_is_asked_to_end_passes_through_failed_and_is_gone(play):
    async def story(store: PodStore, _: PodKeeper) -> None:
        store.create("web", shell("exec sleep 60"))
        await until(lambda: store.container("web").get("ready", False))
        store.ask_to_delete("web", 5)
        await until(lambda: "web" not in store.pods)
        assert store.phases("web")[-2:] == ["Running", "Failed"]
        assert store.history[-1][0] == "DELETED"
        last = store.history[-1][1]["status"]["containerStatuses"][0]
        assert last["state"]["terminated"]["exitCode"] == 143

    play(story)


def test_a_pod_that_ends_well_when_asked_to_succeeds(play):
    async def story(store: PodStore, _: PodKeeper) -> None:
        store.create("web", shell("trap 'exit 0' TERM; while true; do sleep 0.05; done"))
        await until(lambda: store.container("web").get("ready", False))
        await asyncio.sleep(0.2)  # the shell needs a moment to set its trap
        store.ask_to_delete("web", 5)
        await until(lambda: "web" not in store.pods)
        assert store.phases("web")[-1] == "Succeeded"

    play(story)


def test_a_pod_that_ignores_the_request_is_killed_after_its_grace_period(play):
    async def story(store: PodStore, _: PodKeeper) -> None:
        store.create("slow", shell("trap '' TERM; while true; do sleep 0.1; done"))
        await until(lambda: store.container("slow").get("ready", False))
        await asyncio.sleep(0.2)  # the shell needs a moment to set its trap
        store.ask_to_delete("slow", 30)
        await asyncio.sleep(0.3)
        assert store.container("slow")["ready"] is True, "Running and Ready as long as its containers are"
        store.ask_to_delete("slow", 1)
        await until(lambda: "slow" not in store.pods, 3)
        ended = store.history[-1][1]["status"]["containerStatuses"][0]["state"]["terminated"]
        assert ended["exitCode"] == 137

    play(story)


def test_a_pod_removed_by_force_is_killed_at_once(play):
    async def story(store: PodStore, keeper: PodKeeper) -> None:
        store.create("slow", shell("trap '' TERM; while true; do sleep 0.1; done"))
        await until(lambda: store.container("slow").get("ready", False))
        store.put_pod("DELETED", copy.deepcopy(store.pods["slow"]))
        await until(lambda: keeper.worker("t", "slow") is None, 2)

    play(story)


def test_a_crashing_container_backs_off_and_counts_its_restarts(play):
    async def story(store: PodStore, keeper: PodKeeper) -> None:
        store.create("loop", shell("echo run; exit 7"))
        await until(lambda: store.container("loop").get("restartCount", 0) >= 2)
        await until(lambda: "waiting" in store.container("loop")["state"])
        told = store.container("loop")
        assert told["state"]["waiting"]["reason"] == "CrashLoopBackOff"
        assert told["lastState"]["terminated"]["exitCode"] == 7
        assert "Pending" not in store.phases("loop")[2:], "the phase stays Running between crashes"
        assert "BackOff" in store.reasons()
        assert len(keeper.worker("t", "loop").runner("main").logs) == 2, "this log and the previous one"

    play(story)


@pytest.mark.parametrize(("script", "phase"), [("exit 0", "Succeeded"), ("exit 3", "Failed")])
def test_a_container_that_is_not_restarted_ends_its_pod(play, script, phase):
    async def story(store: PodStore, _: PodKeeper) -> None:
        store.create("job", shell(script), restartPolicy="Never")
        await until(lambda: store.pods["job"]["status"].get("phase") == phase)
        assert store.container("job")["restartCount"] == 0
        store.ask_to_delete("job", 5)
        await until(lambda: "job" not in store.pods)
        assert store.phases("job")[-1] == phase

    play(story)


def test_init_containers_run_one_after_another_before_the_others(play):
    async def story(store: PodStore, _: PodKeeper) -> None:
        note = "echo {} >> ../../order"
        init = [shell(note.format("one"), name="one"), shell(note.format("two"), name="two")]
        store.create("web", shell(note.format("main")), initContainers=init, restartPolicy="Never")
        await until(lambda: store.pods["web"]["status"].get("phase") == "Succeeded")
        states = store.pods["web"]["status"]["initContainerStatuses"]
        assert [item["state"]["terminated"]["reason"] for item in states] == ["Completed", "Completed"]

    play(story)


def test_a_failing_init_container_keeps_the_others_from_starting(play):
    async def story(store: PodStore, _: PodKeeper) -> None:
        store.create(
            "web", shell("true"), initContainers=[shell("exit 1", name="one")], restartPolicy="Never"
        )
        await until(lambda: store.pods["web"]["status"].get("phase") == "Failed")
        assert "waiting" in store.container("web")["state"]

    play(story)


def test_an_unknown_image_is_never_pulled_or_backs_off(play):
    async def story(store: PodStore, _: PodKeeper) -> None:
        store.create("never", {"name": "main", "image": "localhost/no:1", "imagePullPolicy": "Never"})
        store.create("pull", {"name": "main", "image": "localhost/no:1", "imagePullPolicy": "Always"})
        await until(
            lambda: (
                store.container("never").get("state", {}).get("waiting", {}).get("reason")
                == "ErrImageNeverPull"
            )
        )
        await until(
            lambda: (
                store.container("pull").get("state", {}).get("waiting", {}).get("reason")
                == "ImagePullBackOff"
            )
        )
        assert store.pods["pull"]["status"]["phase"] == "Pending"
        store.ask_to_delete("pull", 5)
        await until(lambda: "pull" not in store.pods)

    play(story)


def test_a_missing_config_map_holds_a_container_until_it_is_there(play):
    async def story(store: PodStore, _: PodKeeper) -> None:
        reference = {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "a"}}}
        store.create("web", shell('test "$A" = 1 && exec sleep 60', env=[reference]))
        await until(
            lambda: (
                store.container("web").get("state", {}).get("waiting", {}).get("reason")
                == "CreateContainerConfigError"
            )
        )
        store.config_maps["settings"] = {"a": "1"}
        await until(lambda: store.container("web").get("ready", False))

    play(story)


def test_a_command_that_does_not_exist_is_a_start_error(play):
    async def story(store: PodStore, _: PodKeeper) -> None:
        store.create("web", shell("") | {"command": ["no-such-program"]}, restartPolicy="Never")
        await until(lambda: store.pods["web"]["status"].get("phase") == "Failed")
        ended = store.container("web")["state"]["terminated"]
        assert (ended["exitCode"], ended["reason"]) == (128, "StartError")
        assert "no-such-program" in ended["message"]

    play(story)


def test_readiness_follows_the_probe_both_ways(play):
    async def story(store: PodStore, _: PodKeeper) -> None:
        probe = {"exec": {"command": ["test", "-e", "ready"]}, "periodSeconds": 0.1, "failureThreshold": 2}
        store.create("web", shell("touch ready; sleep 1; rm ready; exec sleep 60", readinessProbe=probe))
        await until(lambda: store.container("web").get("ready", False))
        await until(lambda: not store.container("web")["ready"])
        assert store.container("web")["restartCount"] == 0
        await until(lambda: "Unhealthy" in store.reasons())

    play(story)


def test_a_failing_liveness_probe_restarts_the_container(play):
    async def story(store: PodStore, _: PodKeeper) -> None:
        probe = {"exec": {"command": ["test", "-e", "alive"]}, "periodSeconds": 0.1, "failureThreshold": 1}
        store.create(
            "web",
            shell(
                "test -e alive || { touch alive; sleep 0.5; rm alive; }; exec sleep 60", livenessProbe=probe
            ),
        )
        await until(lambda: store.container("web").get("restartCount", 0) >= 1)
        await until(lambda: "Killing" in store.reasons())

    play(story)


def test_http_probes_reach_the_pods_own_address(play):
    async def story(store: PodStore, _: PodKeeper) -> None:
        probe = {"httpGet": {"path": "/healthz", "port": "web"}, "periodSeconds": 0.2}
        ports = [{"name": "web", "containerPort": 8080}]
        for name in ("a", "b"):
            agnhost = {
                "name": "main",
                "image": "localhost/agnhost:1",
                "args": ["netexec", "--http-port", "8080"],
            }
            store.create(name, agnhost | {"readinessProbe": probe, "ports": ports})
        await until(lambda: all(store.container(name).get("ready") for name in ("a", "b")))
        addresses = {store.pods[name]["status"]["podIP"] for name in ("a", "b")}
        assert addresses == {"127.94.16.2", "127.94.16.3"}

    play(story)


def test_a_condition_written_by_somebody_else_survives_and_opens_the_gate(play):
    async def story(store: PodStore, _: PodKeeper) -> None:
        store.create("web", shell("exec sleep 60"), readinessGates=[{"conditionType": "x/ok"}])
        await until(lambda: store.container("web").get("ready", False))

        def ready() -> dict:
            return next(item for item in store.pods["web"]["status"]["conditions"] if item["type"] == "Ready")

        assert ready()["reason"] == "ReadinessGatesNotReady"
        pod = copy.deepcopy(store.pods["web"])
        pod["status"]["conditions"].insert(0, {"type": "x/ok", "status": "True"})
        store.put_pod("MODIFIED", pod)
        await until(lambda: ready()["status"] == "True")

    play(story)


def test_an_ephemeral_container_is_started_beside_the_others_and_ends_by_itself(play):
    async def story(store: PodStore, _: PodKeeper) -> None:
        store.create("web", shell("exec sleep 60"))
        await until(lambda: store.container("web").get("ready", False))
        pod = copy.deepcopy(store.pods["web"])
        pod["spec"]["ephemeralContainers"] = [shell("exit 4", name="debug")]
        store.put_pod("MODIFIED", pod)

        def ended() -> bool:
            told = store.pods["web"]["status"].get("ephemeralContainerStatuses", [{"state": {}}])[0]
            return told["state"].get("terminated", {}).get("exitCode") == 4

        await until(ended)
        assert store.pods["web"]["status"]["phase"] == "Running"

    play(story)


def test_a_new_image_replaces_the_process(play):
    async def story(store: PodStore, _: PodKeeper) -> None:
        store.create("web", shell("exec sleep 60"))
        await until(lambda: store.container("web").get("ready", False))
        pod = copy.deepcopy(store.pods["web"])
        pod["spec"]["containers"][0]["image"] = "localhost/busybox:2"
        store.put_pod("MODIFIED", pod)
        await until(
            lambda: store.container("web")["image"].endswith(":2") and store.container("web")["ready"]
        )
        assert store.container("web")["restartCount"] == 1

    play(story)


def test_pods_of_an_agent_that_died_are_started_again_and_say_so(tmp_path):
    async def whole() -> None:
        store = PodStore()
        async with node(tmp_path, store):
            store.create("web", shell("exec sleep 60"))
            store.create("job", shell("exec sleep 60"), restartPolicy="Never")
            await until(lambda: all(store.container(name).get("ready") for name in ("web", "job")))
        store.watchers.clear()
        async with node(tmp_path, store):
            await until(
                lambda: store.container("web").get("restartCount") == 1 and store.container("web")["ready"]
            )
            await until(lambda: store.pods["job"]["status"]["phase"] == "Failed")
        assert store.phases("job")[-2:] == ["Running", "Failed"]
        assert store.container("web")["lastState"]["terminated"]["reason"] == "ContainerStatusUnknown"

    asyncio.run(whole())


def test_what_a_container_starts_ends_with_it(tmp_path):
    async def whole() -> None:
        store = PodStore()
        async with node(tmp_path, store) as keeper:
            store.create("web", shell("sleep 60 & echo $!; exec sleep 60"))
            await until(lambda: store.container("web").get("ready", False))
            log = keeper.worker("t", "web").runner("main").logs[-1]
            await until(lambda: log.read(LogQuery()) != b"")
            child = int(log.read(LogQuery()))
            store.ask_to_delete("web", 5)
            await until(lambda: "web" not in store.pods)
            await until(lambda: not _runs(child), 2)

    asyncio.run(whole())


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def test_a_probe_command_that_hangs_is_killed_at_its_timeout(play):
    async def story(store: PodStore, _: PodKeeper) -> None:
        hanging = {"command": ["sh", "-c", "touch ../../asked; exec sleep 60"]}
        probe = {"exec": hanging, "periodSeconds": 0.1, "timeoutSeconds": 0.2, "failureThreshold": 1}
        store.create("web", shell("exec sleep 60", readinessProbe=probe))
        await until(lambda: "Unhealthy" in store.reasons())
        message = next(event["message"] for event in store.events if event["reason"] == "Unhealthy")
        assert message == "Readiness probe failed: command: context deadline exceeded"
        assert not store.container("web")["ready"]

    play(story)


def test_a_container_is_asked_to_end_only_after_its_stop_hook(play):
    async def story(store: PodStore, keeper: PodKeeper) -> None:
        hook = {"preStop": {"exec": {"command": ["sh", "-c", "echo hook >> ../../told"]}}}
        script = "trap 'echo asked >> ../../told; exit 0' TERM; while true; do sleep 0.05; done"
        store.create("web", shell(script, lifecycle=hook))
        await until(lambda: store.container("web").get("ready", False))
        told = keeper.worker("t", "web").place.folder.parent / "told"
        await asyncio.sleep(0.2)  # the shell needs a moment to set its trap
        store.ask_to_delete("web", 5)
        await until(lambda: "web" not in store.pods)
        assert await asyncio.to_thread(told.read_text) == "hook\nasked\n"

    play(story)


def test_a_sidecar_runs_beside_the_others_and_ends_after_them(play):
    async def story(store: PodStore, _: PodKeeper) -> None:
        sidecar = shell("exec sleep 60", name="side", restartPolicy="Always")
        store.create("job", shell("sleep 0.3"), initContainers=[sidecar], restartPolicy="Never")
        await until(lambda: store.pods["job"]["status"].get("phase") == "Running")
        await until(lambda: store.pods["job"]["status"]["phase"] == "Succeeded")
        sidecars = lambda: store.pods["job"]["status"]["initContainerStatuses"]  # noqa: E731
        await until(lambda: "terminated" in sidecars()[0]["state"])
        assert sidecars()[0]["state"]["terminated"]["exitCode"] == 143

    play(story)


def test_a_startup_probe_holds_readiness_back(play):
    async def story(store: PodStore, _: PodKeeper) -> None:
        probe = {"exec": {"command": ["test", "-e", "up"]}, "periodSeconds": 0.1, "failureThreshold": 50}
        store.create("web", shell("sleep 0.5; touch up; exec sleep 60", startupProbe=probe))
        await until(lambda: "running" in store.container("web").get("state", {}))
        assert not store.container("web")["started"]
        assert not store.container("web")["ready"]
        await until(lambda: store.container("web")["started"] and store.container("web")["ready"])

    play(story)
