"""A fault's parameters against its JSON Schema: the part of JSON Schema that faults use, in our words.

Fault modules export their schema as data; jsonschema itself is not needed at run time, and its messages
would not fit into one line.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from windtunnel.files.problems import Mistake, Path, did_you_mean, listed, what

_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "integer": ((int,), "a whole number"),
    "number": ((int, float), "a number"),
    "string": ((str,), "text"),
    "boolean": ((bool,), "true or false"),
    "array": ((list,), "a list"),
    "object": ((dict,), "a mapping"),
}
KNOWN_WORDS = frozenset(
    {
        "type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "pattern",
        "minLength", "items", "minItems", "properties", "required", "additionalProperties",
        "anyOf", "oneOf", "allOf", "not", "description", "title", "default", "examples", "format", "$comment",
    }
)  # fmt: skip
"""The keywords that `violations` honours or may ignore; a test holds every fault's schema to them."""


def violations(value: Any, schema: Mapping[str, Any], path: Path) -> Iterator[Mistake]:
    """Yield what is wrong with *value* by *schema*."""
    wrong = _wrong_here(value, schema)
    if wrong:
        yield Mistake(path, wrong)
        return
    if isinstance(value, dict):
        yield from _of_mapping(value, schema, path)
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from violations(item, schema["items"], (*path, index))
    yield from _of_choices(value, schema, path)


def _wrong_here(value: Any, schema: Mapping[str, Any]) -> str:
    """Return what is wrong with *value* itself, or nothing."""
    if "type" in schema and not _is_a(value, schema["type"]):
        return f"must be {_named(schema['type'])}, not {what(value)}{_about(schema)}"
    if "enum" in schema and value not in schema["enum"]:
        allowed = [str(word) for word in schema["enum"]]
        return f"must be {listed(allowed)}, not {what(value)}{did_you_mean(str(value), allowed)}"
    if "const" in schema and value != schema["const"]:
        return f"must be {json.dumps(schema['const'])}, not {what(value)}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _wrong_number(value, schema)
    return _wrong_text_or_list(value, schema)


def _wrong_text_or_list(value: Any, schema: Mapping[str, Any]) -> str:
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        return f"{what(value)} is not allowed{_about(schema)}"
    if isinstance(value, str | list) and len(value) < max(
        schema.get("minLength", 0), schema.get("minItems", 0)
    ):
        return "is too short" if value else "must not be empty"
    return ""


def _wrong_number(value: float, schema: Mapping[str, Any]) -> str:
    if value < schema.get("minimum", value):
        return f"must be at least {schema['minimum']}, not {value}"
    if value > schema.get("maximum", value):
        return f"must be at most {schema['maximum']}, not {value}"
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        return f"must be above {schema['exclusiveMinimum']}, not {value}"
    if "exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"]:
        return f"must be below {schema['exclusiveMaximum']}, not {value}"
    return ""


def _of_mapping(value: dict[str, Any], schema: Mapping[str, Any], path: Path) -> Iterator[Mistake]:
    properties: Mapping[str, Any] = schema.get("properties", {})
    for key, item in value.items():
        if key in properties:
            yield from violations(item, properties[key], (*path, key))
        elif schema.get("additionalProperties", True) is False:
            allowed = listed(list(properties), last="and")
            message = f"is not a known parameter; allowed are {allowed}{did_you_mean(key, properties)}"
            yield Mistake((*path, key), message, at_key=True)
    for key in schema.get("required", ()):
        if key not in value:
            yield Mistake((*path, key), f"is missing{_about(properties.get(key, {}))}")


def _of_choices(value: Any, schema: Mapping[str, Any], path: Path) -> Iterator[Mistake]:
    """Yield what anyOf, oneOf, allOf and not find."""
    for part in schema.get("allOf", ()):
        yield from violations(value, part, path)
    for word in ("anyOf", "oneOf"):
        parts = schema.get(word, ())
        fitting = [part for part in parts if not any(violations(value, part, path))]
        if parts and (not fitting or (word == "oneOf" and len(fitting) > 1)):
            yield Mistake(path, _choice_message(value, word, parts, schema))
            return
    forbidden = schema.get("not")
    if forbidden is not None and not any(violations(value, forbidden, path)):
        yield Mistake(path, _forbidden_message(value, forbidden))


def _choice_message(value: Any, word: str, parts: list[Mapping[str, Any]], schema: Mapping[str, Any]) -> str:
    required = [list(part["required"]) for part in parts if set(part) == {"required"}]
    if len(required) == len(parts):
        keys = listed([" with ".join(names) for names in required], last="and" if word == "oneOf" else "or")
        return f"needs {'exactly' if word == 'oneOf' else 'at least'} one of {keys}"
    return f"{what(value)} is not allowed{_about(schema)}"


def _forbidden_message(value: Any, forbidden: Mapping[str, Any]) -> str:
    if "required" in forbidden:
        return f"{listed(forbidden['required'], last='and')} exclude each other; remove one"
    return f"must not be {what(forbidden.get('const', value))}".replace("the number ", "")


def _is_a(value: Any, wanted: str | list[str]) -> bool:
    names = [wanted] if isinstance(wanted, str) else wanted
    for name in names:
        if name == "null" and value is None:
            return True
        if name == "integer" and isinstance(value, float) and value.is_integer():
            return True
        if (
            name in _TYPES
            and isinstance(value, _TYPES[name][0])
            and isinstance(value, bool) == (name == "boolean")
        ):
            return True
    return False


def _named(wanted: str | list[str]) -> str:
    names = [wanted] if isinstance(wanted, str) else wanted
    return listed([_TYPES[name][1] for name in names if name in _TYPES])


def _about(schema: Mapping[str, Any]) -> str:
    text = str(schema.get("description", "")).rstrip(".")
    return f"; {text[0].lower()}{text[1:]}" if text else ""
