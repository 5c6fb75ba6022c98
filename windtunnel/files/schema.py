"""JSON Schema (2020-12) of both files, for editors. Made from the models and from the faults' own schemas."""

from typing import Any

from windtunnel.faults import fault_names, fault_schema
from windtunnel.files.experiment_form import ExperimentForm
from windtunnel.files.form import Form
from windtunnel.files.policy_form import PolicyForm

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def experiment_schema() -> dict[str, Any]:
    """Return the schema of an experiment file."""
    schema = _schema_of(ExperimentForm, title="windtunnel experiment")
    schema["properties"]["faults"]["items"] = _faults_schema()
    return schema


def policy_schema() -> dict[str, Any]:
    """Return the schema of a policy file."""
    return _schema_of(PolicyForm, title="windtunnel policy")


def _schema_of(form: type[Form], *, title: str) -> dict[str, Any]:
    schema = form.model_json_schema(by_alias=True, mode="validation")
    _tidy(schema)
    return {"$schema": DIALECT, **schema, "title": title}


def _faults_schema() -> dict[str, Any]:
    """Return what one entry of `faults` may be: a name alone, or a name with its parameters."""
    names = fault_names()
    parameters = {name: {"anyOf": [{"type": "null"}, dict(fault_schema(name))]} for name in names}
    alone = {"enum": list(names), "description": "A fault with its default parameters."}
    with_parameters = {
        "type": "object",
        "description": "One fault with its parameters.",
        "properties": parameters,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
        "examples": [{"pod-delete": {"count": 1}}],
    }
    return {"anyOf": [alone, with_parameters]}


def _tidy(node: Any) -> None:
    """Drop the titles that pydantic makes from names, and null, which no file may write."""
    if isinstance(node, list):
        for item in node:
            _tidy(item)
        return
    if not isinstance(node, dict):
        return
    if isinstance(node.get("title"), str):
        del node["title"]
    choices = [choice for choice in node.get("anyOf", ()) if choice != {"type": "null"}]
    if "anyOf" in node and len(choices) < len(node["anyOf"]):
        node["anyOf"] = choices
        if len(choices) == 1:
            del node["anyOf"]
            node.update({key: value for key, value in choices[0].items() if key not in node})
    if node.get("default", 0) is None:
        del node["default"]
    for value in list(node.values()):
        _tidy(value)
