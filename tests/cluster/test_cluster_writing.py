"""What an API server accepts and refuses: strict fields, preconditions, immutable things, absent places."""

import pytest

from tests.cluster.workspace import eventually
from windtunnel.clients.kinds import Resource
from windtunnel.model.errors import ClusterError, ConflictError, NotFoundError

OTHER_UID = "00000000-0000-0000-0000-000000000000"


def test_a_misspelt_field_is_refused_so_what_windtunnel_writes_has_none(workspace, cluster):
    """Every write of these tests is checked like that: see StrictConnection."""
    with pytest.raises(ClusterError, match='unknown field "dta"') as caught:
        workspace.create("ConfigMap", "strict", {"dta": {}})
    assert caught.value.status == 400
    workspace.create("ConfigMap", "strict", {"data": {}})
    patch = {"metadata": {"lables": {"a": "b"}}}
    with pytest.raises(ClusterError, match=r'unknown field "metadata\.lables"') as caught:
        cluster.patch_merge("ConfigMap", "strict", workspace.namespace, patch=patch)
    assert caught.value.status == 422


def test_an_object_is_created_once(workspace):
    workspace.create("ConfigMap", "once", {"data": {}})
    with pytest.raises(ConflictError, match="already exists") as caught:
        workspace.create("ConfigMap", "once", {"data": {}})
    assert caught.value.reason == "AlreadyExists"


@pytest.fixture
def outdated(workspace, cluster) -> dict:
    """An object as it was before somebody changed it."""
    read = workspace.create("ConfigMap", "moving", {"data": {"x": "1"}})
    cluster.patch_merge("ConfigMap", "moving", workspace.namespace, patch={"data": {"x": "2"}})
    return read


def test_a_write_at_an_outdated_version_changes_nothing(workspace, cluster, outdated):
    version = outdated["metadata"]["resourceVersion"]
    patch = {"metadata": {"resourceVersion": version}, "data": {"x": "mine"}}
    with pytest.raises(ConflictError, match="409"):
        cluster.patch_merge("ConfigMap", "moving", workspace.namespace, patch=patch)
    with pytest.raises(ConflictError, match="409"):
        cluster.replace("ConfigMap", {**outdated, "data": {"x": "mine"}}, workspace.namespace)
    with pytest.raises(ConflictError, match="409"):
        cluster.delete("ConfigMap", "moving", workspace.namespace, resource_version=version)
    with pytest.raises(ConflictError, match="409"):
        cluster.delete("ConfigMap", "moving", workspace.namespace, uid=OTHER_UID)
    assert cluster.get("ConfigMap", "moving", workspace.namespace)["data"] == {"x": "2"}


def test_a_test_of_a_json_patch_that_fails_changes_nothing(workspace, cluster, outdated):
    operations = [
        {"op": "test", "path": "/data/x", "value": "1"},
        {"op": "replace", "path": "/data/x", "value": "mine"},
    ]
    with pytest.raises(ConflictError, match="not as it was when it was read"):
        cluster.patch_json("ConfigMap", "moving", workspace.namespace, operations=operations)
    operations[0]["value"] = "2"
    changed = cluster.patch_json("ConfigMap", "moving", workspace.namespace, operations=operations)
    assert changed["data"] == {"x": "mine"}


def test_what_is_immutable_stays_and_the_server_says_why(workspace, cluster):
    workspace.deploy(replicas=0)
    more = {"more": "yes"}
    patch = {"spec": {"selector": {"matchLabels": more}, "template": {"metadata": {"labels": more}}}}
    with pytest.raises(ClusterError, match="field is immutable") as caught:
        cluster.patch_merge("Deployment", "web", workspace.namespace, patch=patch)
    assert caught.value.status == 422
    workspace.create("ConfigMap", "fixed", {"data": {"x": "1"}, "immutable": True})
    with pytest.raises(ClusterError, match="immutable") as caught:
        cluster.patch_merge("ConfigMap", "fixed", workspace.namespace, patch={"data": {"x": "2"}})
    assert caught.value.status == 422


def test_an_invalid_value_is_refused_with_its_field(workspace, cluster):
    workspace.deploy(replicas=0)
    with pytest.raises(ClusterError, match=r"spec\.replicas.*must be greater than or equal to 0") as caught:
        cluster.patch_merge("Deployment", "web", workspace.namespace, patch={"spec": {"replicas": -1}})
    assert caught.value.status == 422


def test_creating_in_an_absent_namespace_names_it_and_listing_there_is_empty(cluster):
    with pytest.raises(NotFoundError, match='namespaces "windtunnel-test-absent" not found'):
        cluster.create("ConfigMap", {"metadata": {"name": "x"}, "data": {}}, "windtunnel-test-absent")
    assert list(cluster.list("ConfigMap", "windtunnel-test-absent")) == []


def test_an_absent_object_and_an_absent_kind_are_not_found(workspace, cluster):
    with pytest.raises(NotFoundError, match='configmaps "absent" not found'):
        cluster.get("ConfigMap", "absent", workspace.namespace)
    with pytest.raises(NotFoundError, match="404"):
        list(cluster.list("things.v1.windtunnel-test.example", workspace.namespace))
    with pytest.raises(NotFoundError, match="404"):
        list(cluster.list(Resource("Pod", "pods", "apps"), workspace.namespace))


def test_what_a_finalizer_holds_is_going_and_its_name_is_taken(workspace, cluster):
    body = {"metadata": {"name": "held", "finalizers": ["windtunnel.dev/test"]}, "data": {}}
    cluster.create("ConfigMap", body, workspace.namespace)
    try:
        cluster.delete("ConfigMap", "held", workspace.namespace, grace_s=0)
        assert cluster.get("ConfigMap", "held", workspace.namespace)["metadata"]["deletionTimestamp"]
        with pytest.raises(ConflictError, match="object is being deleted"):
            workspace.create("ConfigMap", "held", {"data": {}})
    finally:
        patch = {"metadata": {"finalizers": None}}
        cluster.patch_merge("ConfigMap", "held", workspace.namespace, patch=patch)
    eventually(lambda: not list(cluster.list("ConfigMap", workspace.namespace, fields="metadata.name=held")))


def test_the_version_and_an_explicit_kind_can_be_read(cluster):
    assert cluster.version().startswith("v1.")
    definitions = Resource(
        "CustomResourceDefinition", "customresourcedefinitions", "apiextensions.k8s.io", namespaced=False
    )
    assert all(item["metadata"]["name"] for item in cluster.list(definitions, metadata_only=True))
