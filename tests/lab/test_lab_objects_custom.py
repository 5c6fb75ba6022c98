"""Custom resources: pruning, defaults, bounds, rules."""

import pytest

from infra.lab.objects import crd, decoding
from infra.lab.objects.resources import custom_resources
from infra.lab.objects.statuses import StatusError
from infra.lab.objects.validation import validate

TEXT = {"type": "string"}


def resource(spec, *, status=False, required=()):
    schema = {"type": "object", "properties": {"spec": spec}, "required": list(required)}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    if status:
        version["subresources"] = {"status": {}}
    names = {"plural": "widgets", "kind": "Widget"}
    return custom_resources(
        {"spec": {"group": "e.com", "scope": "Namespaced", "names": names, "versions": [version]}}
    )[0]


def widget(spec):
    return {"apiVersion": "e.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": spec}


def complaints(spec_schema, value, old=None):
    found = validate(widget(value), old, resource({"type": "object", "properties": {"x": spec_schema}}))
    return [str(cause) for cause in found]


def test_unknown_fields_go_with_a_warning_unless_the_schema_keeps_them():
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"free": free, "list": {"items": {"properties": {"a": TEXT}}}}}
    warnings = []
    body = widget({"free": {"any": 1}, "list": [{"a": "x", "b": "y"}], "wrong": 1})
    kept = decoding.decode(body, resource(schema), warnings=warnings)
    assert kept["spec"] == {"free": {"any": 1}, "list": [{"a": "x"}]}
    assert warnings == ['unknown field "spec.list[0].b"', 'unknown field "spec.wrong"']


def test_defaults_reach_into_objects_that_are_there_and_into_no_others():
    schema = {"type": "object", "properties": {"size": {"type": "integer", "default": 3}}}
    full, bare = widget({}), {"apiVersion": "e.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
    crd.default(full, resource(schema))
    crd.default(bare, resource(schema))
    assert full["spec"] == {"size": 3}
    assert "spec" not in bare


@pytest.mark.parametrize(
    ("schema", "value", "words"),
    [
        (
            {"type": "integer"},
            "a",
            'spec.x: Invalid value: "string": spec.x in body must be of type integer: "string"',
        ),
        (
            {"type": "integer"},
            True,
            'spec.x: Invalid value: "boolean": spec.x in body must be of type integer: "boolean"',
        ),
        (TEXT, None, 'spec.x: Invalid value: "null": spec.x in body must be of type string: "null"'),
        ({"enum": ["a", 1]}, "b", 'spec.x: Unsupported value: "b": supported values: "a", 1'),
        ({"minimum": 2}, 1, "spec.x: Invalid value: 1: spec.x in body should be greater than or equal to 2"),
        (
            {"maximum": 2, "exclusiveMaximum": True},
            2,
            "spec.x: Invalid value: 2: spec.x in body should be less than 2",
        ),
        ({"multipleOf": 5}, 7, "spec.x: Invalid value: 7: spec.x in body should be a multiple of 5"),
        ({"minLength": 2}, "a", 'spec.x: Invalid value: "a": spec.x in body should be at least 2 chars long'),
        ({"maxLength": 2}, "abc", "spec.x: Too long: may not be more than 2 bytes"),
        ({"pattern": "^a+$"}, "b", "spec.x: Invalid value: \"b\": spec.x in body should match '^a+$'"),
        (
            {"format": "date-time"},
            "now",
            'spec.x: Invalid value: "now": spec.x in body must be of type date-time: "now"',
        ),
        ({"maxItems": 1}, [1, 2], "spec.x: Too many: 2: must have at most 1 items"),
        ({"x-kubernetes-list-type": "set"}, [1, 1], "spec.x[1]: Duplicate value: 1"),
        ({"required": ["y"]}, {}, "spec.x.y: Required value"),
        (
            {"anyOf": [{"minimum": 5}]},
            1,
            'spec.x: Invalid value: "": "spec.x" must validate at least one schema (anyOf)',
        ),
        ({"not": {"enum": [1]}}, 1, 'spec.x: Invalid value: "": "spec.x" must not validate the schema (not)'),
    ],
)
def test_a_value_out_of_bounds_is_refused_in_the_servers_words(schema, value, words):
    assert complaints(schema, {"x": value}) == [words]


@pytest.mark.parametrize("value", [1, "http", "1"])
def test_numbers_and_texts_both_fit_where_either_may_stand(value):
    assert complaints({"x-kubernetes-int-or-string": True}, {"x": value}) == []


def test_null_fits_where_the_schema_allows_it():
    assert complaints({"type": "string", "nullable": True}, {"x": None}) == []


def test_rules_are_looked_at_when_everything_else_is_right():
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer", "maximum": 9}},
        "x-kubernetes-validations": [{"rule": "self.a < 5", "message": "a is small"}],
    }
    assert [str(one) for one in validate(widget({"a": 7}), None, resource(schema))] == [
        "spec: Invalid value: a is small"
    ]
    assert validate(widget({"a": 3}), None, resource(schema)) == []
    fields = [one.field for one in validate(widget({"a": 10}), None, resource(schema))]
    assert fields == ["spec.a", "<nil>"]


def test_a_rule_about_the_former_state_waits_for_one():
    rules = [{"rule": "self == oldSelf", "message": "fixed"}]
    schema = {"type": "object", "properties": {"a": {**TEXT, "x-kubernetes-validations": rules}}}
    assert validate(widget({"a": "1"}), None, resource(schema)) == []
    found = validate(widget({"a": "2"}), widget({"a": "1"}), resource(schema))
    assert [(one.field, one.message) for one in found] == [("spec.a", "Invalid value: fixed")]


def test_durations_are_compared_as_durations():
    rules = [{"rule": "duration(self) >= duration('1ms')", "message": "too short"}]
    schema = {"type": "object", "properties": {"t": {**TEXT, "x-kubernetes-validations": rules}}}
    assert validate(widget({"t": "2s"}), None, resource(schema)) == []
    assert len(validate(widget({"t": "0s"}), None, resource(schema))) == 1


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (
            {"kind": "Gadget"},
            422,
            'Gadget.e.com "w" is invalid: kind: Invalid value: "Gadget": must be Widget',
        ),
        (
            {"apiVersion": "e.com/v2"},
            400,
            "the API version in the data (e.com/v2) does not match the expected API version (e.com/v1)",
        ),
    ],
)
def test_another_kind_or_version_than_the_url_names_is_refused(change, code, words):
    with pytest.raises(StatusError) as refusal:
        decoding.check_kind({**widget({}), **change}, resource({"type": "object"}))
    assert (refusal.value.code, refusal.value.message) == (code, words)
