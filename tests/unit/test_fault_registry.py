"""All faults: named, described, documented, and cheap to list."""

import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from windtunnel.faults import FAULTS, fault_names, fault_schema, load_fault
from windtunnel.model.errors import InputError

ROOT = Path(__file__).parents[2]


def test_names_and_schemas_are_there_without_the_kubernetes_package():
    code = (
        "import sys; from windtunnel.faults import fault_names, fault_schema\n"
        "[fault_schema(name) for name in fault_names()]\n"
        "print([m for m in ('kubernetes', 'requests', 'urllib3', 'prefect') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_fault_gets_a_suggestion():
    with pytest.raises(InputError, match="did you mean pod-delete"):
        load_fault("pod-delet")


@pytest.mark.parametrize("name", fault_names())
def test_each_fault_has_what_others_need_of_it(name):
    fault = FAULTS[name]
    assert fault.name == name
    assert fault.summary.endswith(".")
    Draft202012Validator.check_schema(dict(fault_schema(name)))
    assert fault.schema["additionalProperties"] is False
    assert all(rule.verbs and rule.resources for rule in fault.rbac)


@pytest.mark.parametrize("name", fault_names())
def test_each_fault_and_each_of_its_parameters_is_in_the_documentation(name):
    page = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    section = page.partition(f"## {name}\n")[2].partition("\n## ")[0]
    assert section
    for parameter, schema in fault_schema(name)["properties"].items():
        assert f"`{parameter}`" in section
        assert schema["description"]


GOOD = [
    ("pod-delete", {}),
    ("pod-delete", {"count": 2, "grace": "10s", "order": "oldest"}),
    ("pod-delete", {"percent": 30, "grace": 0}),
    ("deployment-scale", {"replicas": 0}),
    ("deployment-scale", {"by": -1}),
    ("node-drain", {}),
    ("node-drain", {"count": 1, "timeout": "60s", "force": True, "grace": 1}),
]
BAD = [
    ("pod-delete", {"count": 0}),
    ("pod-delete", {"count": 1, "percent": 10}),
    ("pod-delete", {"percent": 101}),
    ("pod-delete", {"grace": "soon"}),
    ("pod-delete", {"order": "tallest"}),
    ("pod-delete", {"counts": 1}),
    ("deployment-scale", {}),
    ("deployment-scale", {"by": 0}),
    ("deployment-scale", {"replicas": 1, "by": 1}),
    ("deployment-scale", {"replicas": -1}),
    ("node-drain", {"force": "yes"}),
    ("node-drain", {"timeout": -1}),
]


@pytest.mark.parametrize(("name", "parameters"), GOOD)
def test_the_schema_takes_what_is_right(name, parameters):
    Draft202012Validator(dict(fault_schema(name))).validate(parameters)


@pytest.mark.parametrize(("name", "parameters"), BAD)
def test_the_schema_refuses_what_is_wrong(name, parameters):
    assert not Draft202012Validator(dict(fault_schema(name))).is_valid(parameters)
