"""Patches, without any server."""

import pytest

from infra.lab.objects.patches import PatchError, json_patch, merge_patch, strategic_merge

POD = {"spec": {"containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "y", "args": ["1"]}]}}


def images(document):
    return [(one["name"], one.get("image")) for one in document["spec"]["containers"]]


def test_a_json_patch_leaves_the_original_alone():
    before = {"data": {"one": "1"}}
    assert json_patch(before, [{"op": "add", "path": "/data/two", "value": "2"}])["data"] == {
        "one": "1",
        "two": "2",
    }
    assert before == {"data": {"one": "1"}}


def test_replacing_a_missing_key_adds_it_as_the_server_does():
    assert json_patch({"data": {}}, [{"op": "replace", "path": "/data/a~1b", "value": "x"}])["data"] == {
        "a/b": "x"
    }


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/data/one", "value": "other"},
        {"op": "test", "path": "/data/none", "value": "x"},
        {"op": "remove", "path": "/data/none"},
        {"op": "add", "path": "/none/one", "value": "x"},
        {"op": "replace", "path": "/none/one", "value": "x"},
        {"op": "frob", "path": "/data/one"},
        {"op": "replace", "path": "data"},
        {"op": "replace"},
        "text",
    ],
)
def test_a_json_patch_that_does_not_apply_is_refused_without_an_explanation(operation):
    with pytest.raises(PatchError) as refusal:
        json_patch({"data": {"one": "1"}}, [operation])
    assert (refusal.value.code, refusal.value.reason) == (422, "Invalid")
    assert refusal.value.message == "the server rejected our request due to an error in our request"


def test_a_json_patch_that_is_no_list_is_a_bad_request():
    with pytest.raises(
        PatchError, match=r"cannot unmarshal object into Go value of type \[\]handlers.jsonPatchOp"
    ):
        json_patch({}, {"op": "add"})


def test_null_in_a_merge_patch_removes_and_lists_are_replaced_whole():
    merged = merge_patch(
        {"a": 1, "b": {"c": 2, "d": 3}, "e": [1, 2]}, {"a": None, "b": {"c": None}, "e": [9]}
    )
    assert merged == {"b": {"d": 3}, "e": [9]}


def test_new_list_elements_of_a_strategic_patch_go_in_front():
    patch = {"spec": {"containers": [{"name": "new", "image": "z"}]}}
    assert images(strategic_merge(POD, patch, kind="Pod")) == [("new", "z"), ("a", "x"), ("b", "y")]


def test_elements_are_merged_by_their_key_and_deleted_by_directive():
    patch = {"spec": {"containers": [{"name": "a", "$patch": "delete"}, {"name": "b", "image": "z"}]}}
    merged = strategic_merge(POD, patch, kind="Pod")
    assert merged["spec"]["containers"] == [{"name": "b", "image": "z", "args": ["1"]}]


def test_the_asked_order_of_elements_is_kept():
    patch = {"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}}
    assert images(strategic_merge(POD, patch, kind="Pod")) == [("b", "y"), ("a", "x")]


def test_a_list_without_a_merge_key_is_replaced():
    patch = {"spec": {"containers": [{"name": "b", "args": ["2"]}], "tolerations": [{"key": "k"}]}}
    merged = strategic_merge(POD, patch, kind="Pod")
    assert merged["spec"]["containers"][1]["args"] == ["2"]
    assert merged["spec"]["tolerations"] == [{"key": "k"}]


def test_finalizers_merge_as_a_set_and_leave_by_directive():
    before = {"metadata": {"finalizers": ["a/x", "b/y"]}}
    added = strategic_merge(before, {"metadata": {"finalizers": ["c/z"]}}, kind="ConfigMap")
    assert added["metadata"]["finalizers"] == ["a/x", "b/y", "c/z"]
    removal = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a/x"]}}
    assert strategic_merge(before, removal, kind="ConfigMap")["metadata"]["finalizers"] == ["b/y"]


def test_an_element_without_its_merge_key_is_an_internal_error():
    with pytest.raises(PatchError, match="does not contain declared merge key: name") as refusal:
        strategic_merge(POD, {"spec": {"containers": [{"image": "z"}]}}, kind="Pod")
    assert refusal.value.code == 500
