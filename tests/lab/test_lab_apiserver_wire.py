"""What arrives and leaves on the wire: protobuf bodies, and the HTTPS front with its clients."""

import asyncio
import shutil
import struct
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from infra.lab import kubeconfig
from infra.lab.addresses import claim
from infra.lab.apiserver import protobuf
from infra.lab.apiserver.certificates import make_certificates
from infra.lab.apiserver.server import ApiServer, create_server
from infra.lab.apiserver.web import serve
from infra.lab.client import ApiError, HttpApi
from infra.lab.objects.statuses import StatusError

TOKEN = "wire-administrator"


def part(number: int, content: bytes) -> bytes:
    assert len(content) < 128
    return struct.pack("BB", number << 3 | 2, len(content)) + content


def envelope(version: str, kind: str, content: bytes) -> bytes:
    about = part(1, version.encode()) + part(2, kind.encode())
    return b"k8s\0" + part(1, about) + part(2, content)


def test_an_eviction_in_protobuf_reads_like_its_json() -> None:
    metadata = part(1, b"web-1") + part(3, b"shop")
    options = struct.pack("BB", 1 << 3, 30)
    body = envelope("policy/v1", "Eviction", part(1, metadata) + part(2, options))
    assert protobuf.read_object(body) == {
        "kind": "Eviction",
        "apiVersion": "policy/v1",
        "metadata": {"name": "web-1", "namespace": "shop"},
        "deleteOptions": {"gracePeriodSeconds": 30},
    }


def test_zeros_that_mean_absence_are_left_out_and_others_stay() -> None:
    nothing = struct.pack("BB", 1 << 3, 0)
    body = envelope("apps/v1", "Deployment", part(2, nothing + struct.pack("BB", 5 << 3, 0)))
    assert protobuf.read_object(body)["spec"] == {"replicas": 0}


@pytest.mark.parametrize(
    "body", [b"{}", b"k8s\0\x0a", b"k8s\0" + part(1, b"\xff\xff"), envelope("v1", "Nothing", b"")]
)
def test_bytes_that_are_no_known_message_are_a_bad_request(body: bytes) -> None:
    with pytest.raises(StatusError) as caught:
        protobuf.read_object(body)
    assert caught.value.code == 400


def served(folder: Path, work: Callable[[ApiServer], Awaitable[Any]]) -> Any:
    """Do something with a server that listens; both end."""
    network, claimed = claim()
    files = make_certificates(folder, host=network.host)
    server = create_server(
        host=network.host, port=6443, cert_file=str(files.cert_file), key_file=str(files.key_file),
        ca_file=str(files.ca_file), admin_token=TOKEN, service_prefix=network.prefix,
    )  # fmt: skip

    async def scenario() -> Any:
        listening = asyncio.Event()
        front = asyncio.create_task(serve(server, started=listening))
        await asyncio.wait_for(listening.wait(), 10)
        try:
            return await asyncio.wait_for(work(server), 30)
        finally:
            front.cancel()
            await asyncio.gather(front, return_exceptions=True)

    with claimed:
        return asyncio.run(scenario())


def test_the_client_over_tls_creates_watches_and_is_refused_in_words(tmp_path: Path) -> None:
    path = "/api/v1/namespaces/default/configmaps"

    async def work(server: ApiServer) -> tuple[str, str, int]:
        async with HttpApi(server.settings.url, TOKEN, server.settings.ca_file) as api:
            start = (await api.get(path))["metadata"]["resourceVersion"]
            await api.post(path, {"metadata": {"name": "a"}, "data": {"n": "1"}})
            kind, item = await anext(aiter(api.watch(path, resource_version=start)))
            with pytest.raises(ApiError) as caught:
                await api.get(f"{path}/none")
            return kind, item["data"]["n"], caught.value.status

    assert served(tmp_path, work) == ("ADDED", "1", 404)


def test_a_wrong_token_is_unauthorized_and_none_is_forbidden(tmp_path: Path) -> None:
    async def work(server: ApiServer) -> int:
        async with HttpApi(server.settings.url, "wrong", server.settings.ca_file) as api:
            with pytest.raises(ApiError) as caught:
                await api.get("/api/v1/pods")
            return caught.value.status

    assert served(tmp_path, work) == 401


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed here")
def test_kubectl_creates_applies_scales_and_deletes(tmp_path: Path) -> None:
    manifest = tmp_path / "map.yaml"
    manifest.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {n: '1'}\n")
    commands = [
        ("create", "namespace", "extra"),
        ("create", "deployment", "web", "--image=example.com/none:1", "--replicas=2"),
        ("scale", "deployment/web", "--replicas=5"),
        ("apply", "-f", str(manifest)),
        ("apply", "--server-side", "-f", str(manifest), "--force-conflicts"),
        ("get", "deployment", "web", "--no-headers"),
        ("describe", "deployment", "web"),
        ("delete", "configmap", "a"),
        ("auth", "can-i", "delete", "pods"),
    ]

    async def work(server: ApiServer) -> list[str]:
        config = tmp_path / "kubeconfig"
        kubeconfig.write(
            config, server=server.settings.url, ca_file=Path(server.settings.ca_file), token=TOKEN
        )
        base = (
            "kubectl",
            "--kubeconfig",
            str(config),
            "--cache-dir",
            str(tmp_path / "cache"),
            "-n",
            "default",
        )
        outputs = []
        for command in commands:
            done = await asyncio.to_thread(
                subprocess.run, [*base, *command], capture_output=True, text=True, timeout=20, check=False
            )
            outputs.append(done.stdout if done.returncode == 0 else f"{command}: {done.stderr}")
        return outputs

    outputs = served(tmp_path, work)
    assert outputs[:5] == [
        "namespace/extra created\n",
        "deployment.apps/web created\n",
        "deployment.apps/web scaled\n",
        "configmap/a created\n",
        "configmap/a serverside-applied\n",
    ]
    assert outputs[5].split()[:2] == ["web", "0/5"]
    assert "Replicas:               5 desired" in outputs[6]
    assert outputs[7:] == ['configmap "a" deleted\n', "yes\n"]
