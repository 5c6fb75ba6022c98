"""Watches on a cluster: everything is seen once, whatever happens to the connection."""

import threading
from collections.abc import Iterator

import pytest

from tests.cluster.kubeconfigs import address_of, by_way_of
from tests.cluster.relay import Relay
from tests.cluster.watching import collecting, watching
from tests.cluster.workspace import Workspace, eventually
from windtunnel.clients.cluster import Cluster
from windtunnel.clients.connection import Request
from windtunnel.clients.kinds import resource
from windtunnel.clients.watches import Watch

MINE = "watched=yes"


def put(workspace: Workspace, name: str) -> None:
    workspace.create("ConfigMap", name, {"labels": {"watched": "yes"}, "data": {"x": "1"}})


def change(workspace: Workspace, name: str, patch: dict) -> None:
    workspace.cluster.patch_merge("ConfigMap", name, workspace.namespace, patch=patch)


def test_what_is_there_comes_first_and_then_every_change(workspace, cluster):
    put(workspace, "a")
    with watching(cluster, "ConfigMap", workspace.namespace, labels=MINE) as seen:
        seen.wait_for("ADDED", "a")
        put(workspace, "b")
        change(workspace, "a", {"data": {"x": "2"}})
        cluster.delete("ConfigMap", "a", workspace.namespace)
        seen.wait_for("DELETED", "a")
    assert seen.names == [("ADDED", "a"), ("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "a")]


def test_an_object_that_leaves_the_selector_counts_as_deleted(workspace, cluster):
    put(workspace, "a")
    with watching(cluster, "ConfigMap", workspace.namespace, labels=MINE) as seen:
        seen.wait_for("ADDED", "a")
        change(workspace, "a", {"metadata": {"labels": {"watched": "no"}}})
        seen.wait_for("DELETED", "a")


def test_metadata_alone_can_be_watched(workspace, cluster):
    selected = {"labels": MINE, "metadata_only": True}
    with watching(cluster, "ConfigMap", workspace.namespace, **selected) as seen:
        put(workspace, "a")
        seen.wait_for("ADDED", "a")
    assert "data" not in seen.events[0][1]


def test_a_namespace_that_is_absent_is_watched_in_silence(cluster):
    with watching(cluster, "ConfigMap", "windtunnel-test-absent") as seen:
        pass
    assert seen.names == []


@pytest.fixture
def relay(cluster) -> Iterator[Relay]:
    with Relay(*address_of(cluster)) as passing:
        yield passing


@pytest.fixture
def relayed(cluster, relay, tmp_path) -> Cluster:
    """The cluster, reached over a connection that can be cut."""
    return by_way_of(cluster, tmp_path, relay.port)


def test_a_cut_connection_loses_no_change_and_repeats_none(workspace, relayed, relay):
    for name in ("stays", "goes"):
        put(workspace, name)
    with watching(relayed, "ConfigMap", workspace.namespace, labels=MINE) as seen:
        seen.wait_for("ADDED", "stays")
        put(workspace, "before")
        seen.wait_for("ADDED", "before")
        relay.cut()
        put(workspace, "meanwhile")
        workspace.cluster.delete("ConfigMap", "goes", workspace.namespace)
        relay.mend()
        seen.wait_for("ADDED", "meanwhile")
        seen.wait_for("DELETED", "goes")
        put(workspace, "after")
        seen.wait_for("ADDED", "after")
    assert relay.connections >= 2
    assert len(seen.names) == len(set(seen.names))
    assert [name for kind, name in seen.names if kind == "DELETED"] == ["goes"]


def test_a_watch_that_is_cut_off_can_be_stopped(workspace, relayed, relay):
    put(workspace, "a")
    with watching(relayed, "ConfigMap", workspace.namespace, labels=MINE) as seen:
        seen.wait_for("ADDED", "a")
        relay.cut()
    assert seen.names == [("ADDED", "a")]


def test_a_version_that_is_too_old_is_listed_anew(workspace, cluster):
    """The first list pretends to be ancient; a server that still remembers that version may also go on."""
    put(workspace, "a")
    stop, asked = threading.Event(), []
    path = resource("ConfigMap").path(namespace=workspace.namespace)
    request = Request("GET", path, "watching configmaps", query={"labelSelector": MINE})

    def snapshot() -> Iterator[dict]:
        page = cluster._connection.ask(request)
        if not asked:
            page["metadata"]["resourceVersion"] = "1"
        asked.append(True)
        yield page

    watch = Watch(cluster._connection, request, stop)
    with collecting(watch.events(snapshot), stop) as seen:
        seen.wait_for("ADDED", "a")
        put(workspace, "b")
        seen.wait_for("ADDED", "b")
        eventually(lambda: watch.version not in {"", "1"})
    assert seen.names.count(("ADDED", "b")) == 1
