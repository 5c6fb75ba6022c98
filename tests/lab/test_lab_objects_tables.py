"""Tables and discovery documents."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.lab.objects import discovery
from infra.lab.objects.resources import RESOURCES, custom_resources, lookup
from infra.lab.objects.tables import as_partial_metadata, as_table
from infra.lab.objects.tables.column import duration
from infra.lab.objects.tables.custom import select

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
RECORDED = (
    Path(__file__).resolve().parents[3] / "shared" / "kubernetes-contract" / "scenarios" / "discovery.json"
)


def cells(plural, obj, *, group="", version="v1", wide=False):
    table = as_table(lookup(group, version, plural), [obj], now=NOW)
    shown = zip(table["columnDefinitions"], table["rows"][0]["cells"], strict=True)
    return {column["name"]: cell for column, cell in shown if wide or not column["priority"]}


def pod(**status):
    metadata = {"name": "a", "creationTimestamp": "2026-01-01T11:55:00Z"}
    return {"metadata": metadata, "spec": {"containers": [{"name": "main"}]}, "status": status}


def test_a_running_pod_shows_as_kubectl_prints_it():
    one = {
        "ready": True,
        "restartCount": 2,
        "state": {"running": {}},
        "lastState": {"terminated": {"finishedAt": "2026-01-01T11:59:00Z"}},
    }
    shown = cells("pods", pod(phase="Running", podIP="10.0.0.1", containerStatuses=[one]), wide=True)
    assert shown == {
        "Name": "a",
        "Ready": "1/1",
        "Status": "Running",
        "Restarts": "2 (60s ago)",
        "Age": "5m",
        "IP": "10.0.0.1",
        "Node": "<none>",
        "Nominated Node": "<none>",
        "Readiness Gates": "<none>",
    }


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ({"phase": "Pending"}, "Pending"),
        ({"phase": "Failed", "reason": "Evicted"}, "Evicted"),
        ({"containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}, "CrashLoopBackOff"),
        ({"containerStatuses": [{"state": {"terminated": {"exitCode": 3}}}]}, "ExitCode:3"),
        ({"initContainerStatuses": [{"state": {"running": {}}}]}, "Init:0/0"),
        ({"conditions": [{"type": "PodScheduled", "reason": "SchedulingGated"}]}, "SchedulingGated"),
    ],
)
def test_the_status_column_says_what_matters(status, word):
    assert cells("pods", pod(**status))["Status"] == word


def test_a_pod_that_is_being_deleted_is_terminating():
    gone = pod(phase="Running")
    gone["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    assert cells("pods", gone)["Status"] == "Terminating"


def test_every_stored_kind_has_a_table_even_for_an_almost_empty_object():
    for one in RESOURCES:
        obj = {"metadata": {"name": "a"}, "roleRef": {}}
        if one.stored:
            table = as_table(one, [obj], now=NOW, include="None")
            assert len(table["rows"][0]["cells"]) == len(table["columnDefinitions"]) >= 2
            assert table["rows"][0]["object"] is None


def test_a_cordoned_node_says_so():
    node = {
        "metadata": {"name": "n", "creationTimestamp": "2026-01-01T11:59:30Z"},
        "spec": {"unschedulable": True},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }
    assert cells("nodes", node)["Status"] == "Ready,SchedulingDisabled"


def test_custom_columns_follow_their_paths():
    columns = [
        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
        {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
        {"name": "Hosts", "type": "string", "jsonPath": ".spec.hosts"},
        {"name": "Since", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]
    version = {"name": "v1", "served": True, "additionalPrinterColumns": columns}
    definition = {
        "spec": {
            "group": "e.com",
            "scope": "Cluster",
            "names": {"plural": "ws", "kind": "W"},
            "versions": [version],
        }
    }
    obj = {
        "metadata": {"name": "w", "creationTimestamp": "2026-01-01T11:00:00Z"},
        "spec": {"size": 4, "hosts": ["a"]},
        "status": {"conditions": [{"type": "Other"}, {"type": "Ready", "status": "True"}]},
    }
    table = as_table(custom_resources(definition)[0], [obj, {"metadata": {"name": "bare"}}], now=NOW)
    assert [row["cells"] for row in table["rows"]] == [
        ["w", 4, "True", '["a"]', "60m"],
        ["bare", None, None, None, None],
    ]
    assert select({"a": {"b": [{"c": 1}, {"c": 2}]}}, ".a.b[*].c") == [1, 2]


def test_metadata_alone_is_metadata_alone():
    assert set(as_partial_metadata(pod())) == {"kind", "apiVersion", "metadata"}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (200, "3m20s"),
        (3600, "60m"),
        (11000, "3h3m"),
        (30000, "8h"),
        (180000, "2d2h"),
        (800000, "9d"),
        (64000000, "2y10d"),
        (300000000, "9y"),
    ],
)
def test_ages_are_told_in_the_units_that_matter(seconds, text):
    assert duration(seconds) == text


@pytest.mark.contract
@pytest.mark.skipif(not RECORDED.is_file(), reason="the recorded answers of a real API server are not here")
def test_discovery_lists_every_recorded_resource_with_its_verbs_and_names():
    steps = {
        step["path"]: step for step in json.loads(RECORDED.read_text())["steps"] if "headers" not in step
    }
    for path, step in steps.items():
        body = step["record"].get("body")
        resources = body.get("resources") if isinstance(body, dict) else None
        if not resources:
            continue
        group, _, version = path.removeprefix("/apis/").removeprefix("/api/").rpartition("/")
        ours = {one["name"]: one for one in discovery.resource_list(RESOURCES, group, version)["resources"]}
        for recorded in resources:
            recorded.pop("storageVersionHash", None)
            assert ours[recorded["name"]] == recorded


def test_the_preferred_version_of_a_group_comes_first():
    versions = discovery.group(RESOURCES, "autoscaling")
    assert versions["preferredVersion"]["version"] == "v2"
    assert discovery.group(RESOURCES, "nosuch.example.com") is None
    assert discovery.resource_list(RESOURCES, "apps", "v1beta1") is None
