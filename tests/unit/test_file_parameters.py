"""What checks a fault's parameters agrees with jsonschema, and says it in one line."""

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windtunnel.faults import fault_names, fault_schema
from windtunnel.files.parameters import violations

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["count"],
    "properties": {
        "count": {"type": "integer", "minimum": 1, "maximum": 9, "description": "How many."},
        "share": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 100},
        "order": {"enum": ["random", "oldest"]},
        "force": {"type": "boolean"},
        "names": {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}},
        "grace": {
            "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": "^[0-9]+s$"}],
            "description": "Seconds, or 10s.",
        },
        "by": {"type": "integer", "not": {"const": 0}},
        "fixed": {"const": "yes"},
        "both": {"type": ["string", "null"]},
        "all": {"allOf": [{"minimum": 1}, {"maximum": 3}]},
    },
    "oneOf": [{"required": ["share"]}, {"required": ["order"]}],
    "not": {"required": ["force", "names"]},
}
FITTING = {"count": 1, "order": "random"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"count": "1"}, 'count: must be a whole number, not "1"; how many'),
        ({"count": True}, "count: must be a whole number, not true; how many"),
        ({"count": 0}, "count: must be at least 1, not 0"),
        ({"count": 10}, "count: must be at most 9, not 10"),
        ({"share": 0, "order": ...}, "share: must be above 0, not 0"),
        ({"share": 100, "order": ...}, "share: must be below 100, not 100"),
        ({"order": "oldst"}, 'order: must be random or oldest, not "oldst"; did you mean "oldest"?'),
        ({"force": "yes"}, 'force: must be true or false, not "yes"'),
        ({"names": []}, "names: must not be empty"),
        ({"names": ["a", ""]}, "names[1]: must not be empty"),
        ({"names": "a"}, 'names: must be a list, not "a"'),
        ({"grace": "soon"}, 'grace: "soon" is not allowed; seconds, or 10s'),
        ({"grace": -1}, "grace: the number -1 is not allowed; seconds, or 10s"),
        ({"by": 0}, "by: must not be 0"),
        ({"fixed": "no"}, 'fixed: must be "yes", not "no"'),
        ({"both": 1}, "both: must be text, not the number 1"),
        ({"all": 4}, "all: must be at most 3, not 4"),
        ({"count": ...}, "count: is missing; how many"),
        ({"share": 5}, ": needs exactly one of share and order"),
        ({"order": ...}, ": needs exactly one of share and order"),
        ({"force": True, "names": ["a"]}, ": force and names exclude each other; remove one"),
        ({"cuont": 1}, "cuont: is not a known parameter; allowed are"),
    ],
)
def test_each_violation_is_named(change, says):
    value = {key: item for key, item in {**FITTING, **change}.items() if item is not ...}
    (mistake,) = violations(value, SCHEMA, ())
    path = "".join(f"[{part}]" if isinstance(part, int) else part for part in mistake.path)
    assert f"{path}: {mistake.message}".startswith(says)
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(value)


def test_fitting_parameters_have_no_violations():
    full = {**FITTING, "force": False, "grace": "10s", "by": -1, "fixed": "yes", "both": "x", "all": 2}
    assert list(violations(full, SCHEMA, ())) == []


values = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 120), st.floats(-2, 120),
    st.sampled_from(["", "10s", "random", "x"]),
    st.lists(st.sampled_from(["a", ""]), max_size=2),
)  # fmt: skip


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_every_fault_is_checked_as_jsonschema_would(data):
    schema = fault_schema(data.draw(st.sampled_from(fault_names())))
    keys = st.sampled_from([*schema["properties"], "other"])
    parameters = data.draw(st.dictionaries(keys, values, max_size=3))
    accepted = not list(violations(parameters, schema, ()))
    assert accepted == jsonschema.Draft202012Validator(schema).is_valid(parameters)
