"""A cluster for replaying recorded conversations: nodes in a process of their own, the rest in this one."""

import argparse
import asyncio
import importlib.util
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from infra.lab.addresses import API_PORT, claim
from infra.lab.apiserver.certificates import make_certificates
from infra.lab.apiserver.server import ApiServer, create_server
from infra.lab.apiserver.web import serve
from infra.lab.client import InProcessApi
from infra.lab.controllers import ControllerTimings, run_controllers

ROOT = Path(__file__).parents[2]
CONTRACT = ROOT.parent / "shared" / "kubernetes-contract"
TOKEN = "contract-administrator"
NODES = 3


def load_replay() -> ModuleType:
    """The recorded contract's own replay program, as a module."""
    spec = importlib.util.spec_from_file_location("contract_replay", CONTRACT / "replay.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Cluster:
    """API server and controllers in a thread, so that the replay can wait in this one."""

    def __init__(self, server: ApiServer, root_ca: str) -> None:
        self.server = server
        self._root_ca = root_ca
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="contract cluster", daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(20), "the API server did not start within 20 s"
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._work.cancel)
        self._thread.join(10)
        assert not self._thread.is_alive(), "the API server did not stop within 10 s"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._work = self._loop.create_task(self._serve())
        try:
            self._loop.run_until_complete(self._work)
        except asyncio.CancelledError:
            return
        except BaseException as error:  # noqa: BLE001 - shown to the thread that waits for the start
            self._failure = error
        finally:
            self._ready.set()
            self._loop.close()

    async def _serve(self) -> None:
        # A silent node is given up after 4 s instead of 50: the records wait for it.
        timings = ControllerTimings(node_grace_s=4.0, node_startup_grace_s=4.0)
        started = asyncio.Event()
        api = InProcessApi(self.server)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve(self.server, started=started))
            tasks.create_task(run_controllers(api, timings=timings, root_ca=self._root_ca))
            await started.wait()
            self._ready.set()


@pytest.fixture(scope="session")
def replay() -> ModuleType:
    """The replay program."""
    if not CONTRACT.is_dir():
        pytest.skip(f"the recorded contract is not here: {CONTRACT}")
    return load_replay()


@pytest.fixture(scope="session")
def options(tmp_path_factory: pytest.TempPathFactory, replay: ModuleType) -> Iterator[argparse.Namespace]:
    """A running cluster, as the replay program's command line would describe it."""
    network, claimed = claim()
    folder = tmp_path_factory.mktemp("contract")
    files = make_certificates(folder / "pki", host=network.host)
    server = create_server(
        host=network.host,
        port=API_PORT,
        cert_file=str(files.cert_file),
        key_file=str(files.key_file),
        ca_file=str(files.ca_file),
        admin_token=TOKEN,
        service_prefix=network.prefix,
    )
    cluster = Cluster(server, files.ca_file.read_text())
    (folder / "token").write_text(TOKEN)
    cluster.start()
    arguments = ("--server", network.api, "--ca", str(files.ca_file), "--token-file", str(folder / "token"))
    own = ("--octet", str(network.octet), "--nodes", str(NODES), "--folder", str(folder / "nodes"))
    faster = ("--heartbeat", "1", "--back-off", "1")
    with claimed, (folder / "node.log").open("wb") as log:
        command = [sys.executable, "-m", "infra.lab.node", *arguments, *own, *faster]
        agent = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        try:
            _wait_for_nodes(server, agent, folder / "node.log")
            yield _command_line(network.api, str(files.ca_file))
        finally:
            agent.terminate()
            agent.wait(20)
            cluster.stop()


def _wait_for_nodes(server: ApiServer, agent: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 20
    while True:
        nodes = [node for _, node in server.store.collection("/nodes").select(None)]
        if sum(_is_ready(node) for node in nodes) == NODES:
            return
        assert agent.poll() is None, f"the node agent ended: {log.read_text()}"
        assert time.monotonic() < deadline, f"the nodes are not ready after 20 s: {nodes}"
        time.sleep(0.05)


def _is_ready(node: dict) -> bool:
    conditions = node.get("status", {}).get("conditions") or ()
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and not node.get("spec", {}).get("taints")


def _command_line(server: str, ca_file: str) -> argparse.Namespace:
    return argparse.Namespace(
        server=server, ca=ca_file, token=TOKEN, kubeconfig=None, insecure=False, client_cert=None,
        client_key=None, set=[], max_wait=20.0, any_message=False, record=False, verbose=True,
    )  # fmt: skip
