"""Server-side apply: who owns what, and what follows from it."""

import pytest

from infra.lab.objects.apply import ApplyConflict, check_applied, server_side_apply, track_write
from infra.lab.objects.resources import custom_resources, lookup
from infra.lab.objects.statuses import StatusError

MAPS, DEPLOYMENTS = lookup("", "v1", "configmaps"), lookup("apps", "v1", "deployments")
WIDGETS = custom_resources(
    {
        "spec": {
            "group": "e.com",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "properties": {
                                "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                            }
                        }
                    },
                }
            ],
        }
    }
)[0]


def config_map(**data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data}


def apply(live, applied, manager="alice", *, force=False, now="t1", resource=MAPS):
    return server_side_apply(live, applied, manager=manager, force=force, resource=resource, now=now)


def owners(obj):
    return {entry["manager"]: entry["fieldsV1"].get("f:data") for entry in obj["metadata"]["managedFields"]}


def test_applying_creates_and_records_the_owner():
    made = apply(None, config_map(one="1"))
    assert made["data"] == {"one": "1"}
    assert made["metadata"]["managedFields"] == [
        {
            "manager": "alice",
            "operation": "Apply",
            "apiVersion": "v1",
            "time": "t1",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {"f:one": {}}},
        }
    ]


def test_applying_the_same_again_changes_nothing_at_all():
    made = apply(None, config_map(one="1"))
    assert apply(made, config_map(one="1"), now="t2") == made


def test_another_value_for_a_field_of_someone_else_is_a_conflict_that_names_them():
    made = apply(None, config_map(one="1", two="2"))
    with pytest.raises(ApplyConflict) as conflict:
        apply(made, config_map(one="x"), "bob")
    assert conflict.value.message == 'Apply failed with 1 conflict: conflict with "alice": .data.one'
    with pytest.raises(
        ApplyConflict, match=r'Apply failed with 2 conflicts: conflicts with "alice":\n- \.data\.one'
    ):
        apply(made, config_map(one="x", two="x"), "bob")


def test_the_same_value_is_shared_and_survives_one_owner_leaving():
    shared = apply(apply(None, config_map(one="1")), config_map(one="1"), "bob")
    left = apply(shared, {**config_map(), "data": {"other": "x"}})
    assert left["data"] == {"one": "1", "other": "x"}


def test_force_takes_a_field_over_and_what_its_owner_no_longer_lists_goes():
    made = apply(None, config_map(one="1", two="2"))
    forced = apply(made, config_map(one="11"), "bob", force=True)
    assert owners(forced) == {"alice": {"f:two": {}}, "bob": {"f:one": {}}}
    assert apply(forced, config_map(one="11"))["data"] == {"one": "11"}


def test_a_plain_write_takes_the_fields_it_changes_and_conflicts_say_so():
    made = apply(None, config_map(three="3"))
    changed = {**made, "data": {"three": "33"}}
    changed["metadata"] = {
        **made["metadata"],
        "managedFields": track_write(made, changed, manager="carol", resource=MAPS, now="t2"),
    }
    assert owners(changed) == {"carol": {"f:three": {}}}
    with pytest.raises(ApplyConflict, match=r'conflict with "carol" using v1: \.data\.three'):
        apply(changed, config_map(three="3"))


def test_list_elements_are_owned_by_their_keys():
    base = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}}
    pods = {"containers": [{"name": "main", "image": "a", "ports": [{"containerPort": 80}]}]}
    made = apply(None, {**base, "spec": {"template": {"spec": pods}}}, resource=DEPLOYMENTS)
    side = {"containers": [{"name": "side", "image": "b"}]}
    both = apply(made, {**base, "spec": {"template": {"spec": side}}}, "bob", resource=DEPLOYMENTS)
    names = [one["name"] for one in both["spec"]["template"]["spec"]["containers"]]
    assert names == ["main", "side"]
    other = {"containers": [{"name": "main", "image": "c"}]}
    with pytest.raises(ApplyConflict, match=r'\.spec\.template\.spec\.containers\[name="main"\]\.image'):
        apply(both, {**base, "spec": {"template": {"spec": other}}}, "bob", resource=DEPLOYMENTS)
    gone = apply(
        both, {**base, "spec": {"template": {"spec": {"dnsPolicy": "None"}}}}, "bob", resource=DEPLOYMENTS
    )
    assert [one["name"] for one in gone["spec"]["template"]["spec"]["containers"]] == ["main"]


def test_lists_of_custom_objects_are_owned_as_one_piece():
    made = apply(
        None,
        {"apiVersion": "e.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"l": [1]}},
        resource=WIDGETS,
    )
    changed = apply(
        made,
        {"apiVersion": "e.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"l": [2]}},
        resource=WIDGETS,
    )
    assert changed["spec"]["l"] == [2]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": ""}, "invalid object type: /v1, Kind="),
        ({"metadata": {"name": "a", "managedFields": [{}]}}, "metadata.managedFields must be nil"),
    ],
)
def test_an_applied_configuration_has_a_type_and_no_managed_fields(change, words):
    with pytest.raises(StatusError, match=words):
        check_applied({**config_map(), **change}, MAPS)


def test_an_unknown_field_is_an_error_and_not_a_warning():
    with pytest.raises(StatusError, match=r"\.nosuch: field not declared in schema") as refusal:
        apply(None, {**config_map(), "nosuch": 1})
    assert refusal.value.code == 500
