"""The cluster client against a server that follows a script: what it sends, retries, and makes of answers."""

import json
import os
import socket
import threading
from collections import deque
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from windtunnel.clients.cluster import Cluster, connect
from windtunnel.clients.connection import Timeouts
from windtunnel.model.errors import (
    ClusterError,
    ConflictError,
    InputError,
    NotFoundError,
    RefusedError,
    UnreachableError,
)
from windtunnel.model.policy import ClusterEntry

DROP = "drop the connection without an answer"
SILENT = "say nothing"


class Script(BaseHTTPRequestHandler):
    """Answers each request with the next entry of the server's script: (status, body, headers) or a word."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        self.server.seen.append(
            (self.command, url.path, query, json.loads(body) if body else None, self.headers)
        )
        step = self.server.script.popleft()
        if step == DROP:
            self.close_connection = True
            return
        if step == SILENT:
            self.server.over.wait(5)
            self.close_connection = True
            return
        status, payload, *headers = step
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self.send_response(status)
        for name, value in headers[0].items() if headers else ():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - names the base class looks up

    def log_message(self, *args):
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    found = ThreadingHTTPServer(("127.0.0.1", 0), Script)
    found.daemon_threads = True
    found.handle_error = lambda *_: None  # clients that hang up are part of the script
    found.script, found.seen, found.over = deque(), [], threading.Event()
    threading.Thread(target=found.serve_forever, args=(0.02,), daemon=True).start()
    yield found
    found.over.set()
    found.shutdown()
    found.server_close()


@pytest.fixture
def cluster(server, tmp_path) -> Cluster:
    return connect(entry(tmp_path, f"http://127.0.0.1:{server.server_address[1]}"))


def entry(folder: Path, url: str, *, context: str = "") -> ClusterEntry:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": url}}],
        "users": [{"name": "me", "user": {"token": "a-token"}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
    }
    path = folder / "config"
    path.write_text(json.dumps(config))
    return ClusterEntry(name="here", kubeconfig=str(path), context=context)


def status(code: int, message: str, **more) -> dict:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": message,
        "code": code,
        **more,
    }


POD = {"kind": "Pod", "metadata": {"name": "a", "uid": "1", "resourceVersion": "5"}}


def page(*names: str, token: str = "", version: str = "10") -> dict:
    items = [{"metadata": {"name": name, "uid": name, "resourceVersion": "1"}} for name in names]
    return {"kind": "PodList", "metadata": {"resourceVersion": version, "continue": token}, "items": items}


def test_a_read_carries_the_token_and_gives_the_raw_object(server, cluster):
    server.script.append((200, POD))
    assert cluster.get("Pod", "a", "shop") == POD
    method, path, _, _, headers = server.seen[0]
    assert (method, path) == ("GET", "/api/v1/namespaces/shop/pods/a")
    assert headers["Authorization"] == "Bearer a-token"


@pytest.mark.parametrize("trouble", [DROP, (500, b"oops"), (503, b""), (429, b"", {"Retry-After": "1"})])
def test_a_read_is_tried_again(server, cluster, trouble):
    server.script.extend([trouble, (200, POD)])
    assert cluster.get("Pod", "a", "shop") == POD
    assert len(server.seen) == 2


def test_a_read_is_tried_a_bounded_number_of_times(server, cluster):
    server.script.extend([DROP] * 10)
    with pytest.raises(UnreachableError, match=r"reading pod/a in shop on cluster here"):
        cluster.get("Pod", "a", "shop")
    assert len(server.seen) == 4


@pytest.mark.parametrize("trouble", [DROP, (500, b"oops"), (503, b""), (429, b"", {"Retry-After": "1"})])
@pytest.mark.parametrize(
    "write",
    [
        lambda c: c.create("Pod", POD, "shop"),
        lambda c: c.replace("Pod", POD, "shop"),
        lambda c: c.delete("Pod", "a", "shop"),
        lambda c: c.evict("a", "shop"),
        lambda c: c.patch_json("Pod", "a", "shop", operations=[]),
        lambda c: c.patch_merge("Pod", "a", "shop", patch={}),
    ],
)
def test_a_write_is_sent_once_whatever_becomes_of_it(server, cluster, write, trouble):
    server.script.extend([trouble, (200, POD)])
    with pytest.raises(ClusterError):
        write(cluster)
    assert len(server.seen) == 1


def test_a_write_without_an_answer_says_that_its_effect_is_not_known(server, cluster):
    server.script.append(DROP)
    with pytest.raises(UnreachableError, match="whether it took effect is not known"):
        cluster.delete("Pod", "a", "shop")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (401, RefusedError),
        (403, RefusedError),
        (404, NotFoundError),
        (409, ConflictError),
        (410, ClusterError),
        (422, ClusterError),
    ],
)
def test_refusals_name_verb_object_cluster_and_the_servers_words(server, cluster, code, kind):
    server.script.append((code, status(code, "the server's own words", reason="Because")))
    with pytest.raises(
        kind, match=r"deleting pod/a in shop on cluster here .*: \d+ the server's own words"
    ) as error:
        cluster.delete("Pod", "a", "shop")
    assert (error.value.status, error.value.reason) == (code, "Because")


def test_a_budget_that_refuses_an_eviction_is_named(server, cluster):
    causes = [{"reason": "DisruptionBudget", "message": "The disruption budget web needs 1 healthy pods"}]
    server.script.append((429, status(429, "Cannot evict pod", details={"causes": causes})))
    with pytest.raises(
        RefusedError, match="Cannot evict pod; The disruption budget web needs 1 healthy pods"
    ):
        cluster.evict("a", "shop")


def test_a_failed_patch_test_is_a_conflict(server, cluster):
    server.script.append((422, status(422, "the server rejected our request due to an error in our request")))
    with pytest.raises(ConflictError, match="not as it was when it was read"):
        cluster.patch_json("Pod", "a", "shop", operations=[{"op": "test", "path": "/x", "value": 1}])


def test_an_answer_of_something_else_is_told(server, cluster):
    server.script.append((200, b"<html>log in</html>"))
    with pytest.raises(ClusterError, match="not JSON; is that a Kubernetes API"):
        cluster.get("Pod", "a", "shop")
    server.script.append((404, b"404 page not found"))
    with pytest.raises(NotFoundError, match="404 page not found"):
        cluster.get("Pod", "a", "shop")


def test_preconditions_and_grace_are_sent_with_deletes_and_evictions(server, cluster):
    server.script.extend([(200, POD), (201, {})])
    cluster.delete("Pod", "a", "shop", uid="1", resource_version="5", grace_s=0)
    cluster.evict("a", "shop", uid="1", grace_s=3)
    assert server.seen[0][3]["preconditions"] == {"uid": "1", "resourceVersion": "5"}
    assert server.seen[0][3]["gracePeriodSeconds"] == 0
    assert server.seen[1][1] == "/api/v1/namespaces/shop/pods/a/eviction"
    assert server.seen[1][3]["deleteOptions"] == {"preconditions": {"uid": "1"}, "gracePeriodSeconds": 3}


def test_silence_ends_in_a_clear_error(server, cluster):
    server.script.append(SILENT)
    impatient = cluster.within(Timeouts(connect_s=0.2, read_s=0.2, total_s=1, tries=1))
    with pytest.raises(UnreachableError, match="no answer in time"):
        impatient.get("Pod", "a", "shop")


def test_a_server_that_is_down_is_unreachable_and_says_what_to_check(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        cluster = connect(entry(tmp_path, f"http://127.0.0.1:{unused.getsockname()[1]}"))
        with pytest.raises(UnreachableError, match="nothing listens there: is the cluster up"):
            cluster.within(Timeouts(tries=1)).version()


def test_a_server_without_tls_under_an_https_address_is_told(server, tmp_path):
    cluster = connect(entry(tmp_path, f"https://127.0.0.1:{server.server_address[1]}"))
    with pytest.raises(UnreachableError, match="TLS"):
        cluster.within(Timeouts(tries=1)).version()


def test_a_proxy_of_the_environment_is_not_asked_for_a_loopback_address(server, tmp_path, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    server.script.append((200, {"gitVersion": "v1.36.2"}))
    cluster = connect(entry(tmp_path, f"http://127.0.0.1:{server.server_address[1]}"))
    assert cluster.version() == "v1.36.2"


def test_lists_go_on_from_page_to_page_and_ask_for_metadata_alone(server, cluster):
    server.script.extend([(200, page("a", "b", token="more")), (200, page("c"))])
    found = cluster.list("Pod", "shop", labels="app=x", metadata_only=True, limit=2)
    assert [item["metadata"]["name"] for item in found] == ["a", "b", "c"]
    assert server.seen[0][2] == {"limit": "2", "labelSelector": "app=x"}
    assert server.seen[1][2]["continue"] == "more"
    assert "PartialObjectMetadataList" in server.seen[0][4]["Accept"]


def test_a_list_that_expires_on_the_way_starts_once_more_and_repeats_nothing(server, cluster):
    expired = (410, status(410, "The provided continue parameter is too old", reason="Expired"))
    server.script.extend([(200, page("a", token="old")), expired, (200, page("a", "b"))])
    assert [item["metadata"]["name"] for item in cluster.list("Pod", "shop")] == ["a", "b"]
    server.script.extend([(200, page("a", token="old")), expired, (200, page("a", token="old")), expired])
    with pytest.raises(ClusterError) as error:
        list(cluster.list("Pod", "shop"))
    assert error.value.status == 410


def line(kind: str, name: str, version: str) -> bytes:
    item = {"metadata": {"name": name, "uid": name, "resourceVersion": version}}
    return json.dumps({"type": kind, "object": item}).encode() + b"\n"


def gone(code: int = 410) -> bytes:
    return json.dumps({"type": "ERROR", "object": status(code, "too old resource version")}).encode() + b"\n"


def watched(cluster: Cluster, count: int) -> list[tuple[str, str]]:
    stop, found = threading.Event(), []
    for kind, item in cluster.watch("Pod", "shop", stop=stop):
        found.append((kind, item["metadata"]["name"]))
        if len(found) == count:
            stop.set()
    return found


def test_a_watch_goes_on_after_a_disconnect_from_the_version_it_has_seen(server, cluster):
    server.script.extend(
        [
            (200, page("a")),
            (200, line("MODIFIED", "a", "11") + line("BOOKMARK", "", "15")),
            DROP,
            (503, b""),
            (200, line("DELETED", "a", "16")),
        ]
    )
    assert watched(cluster, 3) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
    assert [seen[2].get("resourceVersion") for seen in server.seen] == [None, "10", "15", "15", "15"]


def test_a_watch_whose_version_expired_tells_what_changed_unseen(server, cluster):
    server.script.extend(
        [
            (200, page("a", "b")),
            (200, gone()),
            (200, page("b", "c", version="40")),
            (200, line("DELETED", "c", "41")),
        ]
    )
    expected = [("ADDED", "a"), ("ADDED", "b"), ("ADDED", "c"), ("DELETED", "a"), ("DELETED", "c")]
    assert watched(cluster, 5) == expected
    assert server.seen[3][2]["resourceVersion"] == "40"


def test_a_watch_that_may_not_be_is_refused_at_once(server, cluster):
    server.script.append((403, status(403, "pods is forbidden")))
    with pytest.raises(RefusedError, match="listing pods in shop"):
        watched(cluster, 1)


def test_a_watch_that_waits_can_be_stopped(server, cluster):
    server.script.extend([(200, page("a")), SILENT])
    stop, ended = threading.Event(), threading.Event()

    def watch() -> None:
        for _ in cluster.watch("Pod", "shop", stop=stop):
            pass
        ended.set()

    threading.Thread(target=watch, daemon=True).start()
    while len(server.seen) < 2:
        stop.wait(0.01)
    stop.set()
    server.over.set()
    assert ended.wait(5)


def test_a_missing_kubeconfig_says_where_it_was_looked_for_and_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nothing"))
    with pytest.raises(UnreachableError, match=r"no kubeconfig at .*nothing; set KUBECONFIG.*lab up"):
        connect()


def test_a_missing_context_is_named(tmp_path):
    with pytest.raises(UnreachableError, match="context 'there' cannot be used"):
        connect(entry(tmp_path, "http://127.0.0.1:1", context="there"))


@pytest.mark.parametrize("text", ["", "{", "[]", "clusters: 5", "\x00"])
def test_a_kubeconfig_that_is_none_gives_one_sentence(tmp_path, text):
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(UnreachableError, match="cannot be used"):
        connect(ClusterEntry(name="x", kubeconfig=str(path)))


def test_the_current_context_is_used_without_an_entry(server, tmp_path, monkeypatch):
    given = entry(tmp_path, f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'absent'}{os.pathsep}{given.kubeconfig}")
    server.script.append((200, {"gitVersion": "v1.2.3"}))
    assert connect().version() == "v1.2.3"


def test_kinds_can_be_named_in_the_usual_ways(server, cluster):
    server.script.extend([(200, {})] * 3)
    for name in ("deploy", "deployments", "certificates.v1.cert-manager.io"):
        cluster.get(name, "x", "shop")
    assert [seen[1] for seen in server.seen] == [
        "/apis/apps/v1/namespaces/shop/deployments/x",
        "/apis/apps/v1/namespaces/shop/deployments/x",
        "/apis/cert-manager.io/v1/namespaces/shop/certificates/x",
    ]
    with pytest.raises(InputError, match=r"plural\.version\.group"):
        cluster.get("thingummy", "x")
