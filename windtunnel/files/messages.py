"""What pydantic found, in our words: what is wrong, what is allowed, what was probably meant."""

import types
import typing
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from windtunnel.files.probe_form import PROBE_KINDS
from windtunnel.files.problems import (
    MOST_MISTAKES,
    Mistake,
    Path,
    did_you_mean,
    listed,
    nearest,
    shorten,
    what,
)

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_PLACE_OF_TAG = 2  # steady_state, index, tag
_TAGGED = ("steady_state", "blackouts")
_PATTERNS = {
    "lower": "write lower-case letters, digits and dashes",
    "#": 'write a channel like "#resilience", or its id',
    "probe": "write a short name without <, >, =, ! and line breaks",
}


def mistakes_of(
    error: ValidationError, form: type[BaseModel], *, later: Mapping[str, str]
) -> Iterator[Mistake]:
    """Yield one mistake per error of pydantic.

    Args:
        error: What validation of *form* raised.
        form: The model of the whole file.
        later: Keys at the top that only a later version knows, with what they are about.
    """
    found = error.errors(include_url=False)
    unknown = [details for details in found if details["type"] == "extra_forbidden"][:MOST_MISTAKES]
    meant = set[Path]()
    for details in unknown:
        path = _path_of(details["loc"])
        allowed = _allowed_at(details["loc"][:-1], form)
        meant.add((*path[:-1], nearest(str(path[-1]), allowed)))
        yield Mistake(path, _unknown_key(path, allowed, later), at_key=True)
    others = [details for details in found if details["type"] != "extra_forbidden"]
    for details in others[:MOST_MISTAKES]:
        path = _path_of(details["loc"])
        if details["type"] == "missing" and path in meant:
            continue  # its misspelt key is reported, with the right one
        if path and path[-1] == "[key]":
            yield Mistake(path[:-1], f"is not a name; {_PATTERNS['lower']}", at_key=True)
        else:
            yield Mistake(path, _message(details, form))
    if len(found) > 2 * MOST_MISTAKES:
        yield Mistake((), f"has {len(found)} problems, of which not all are shown")


def _message(details: ErrorDetails, form: type[BaseModel]) -> str:  # noqa: PLR0911 - a table of cases
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    match kind:
        case "missing":
            return f"is missing; {_described(details['loc'], form)}"
        case "value_error":
            return str(context["error"])
        case "literal_error":
            return _not_one_of(value, details)
        case "union_tag_not_found":
            return _which_probe(value)
        case "string_type" if isinstance(value, bool | int | float):
            return f"must be text, not {what(value)}; put it in quotes"
        case "list_type" if isinstance(value, str):
            return f"must be a list, not {what(value)}; write [{shorten(value)}]"
        case _ if kind in _EXPECTED:
            return f"must be {_EXPECTED[kind]}, not {what(value)}"
        case _:
            return _out_of_bounds(kind, value, context, details["loc"])


def _out_of_bounds(kind: str, value: Any, context: Mapping[str, Any], location: tuple[int | str, ...]) -> str:
    if kind == "string_pattern_mismatch":
        return f"{what(value)} is not allowed; {_pattern_rule(location, str(value))}"
    return _limit(kind, value, context)


def _limit(kind: str, value: Any, context: Mapping[str, Any]) -> str:
    match kind:
        case "greater_than_equal":
            return f"must be at least {context['ge']}, not {value}"
        case "less_than_equal":
            return f"must be at most {context['le']}, not {value}"
        case "too_short":
            return "must have at least one entry"
        case "string_too_short":
            return "must not be empty"
        case "string_too_long":
            return f"must have at most {context['max_length']} characters"
        case _:
            return f"{what(value)} is not allowed here ({kind})"


def _pattern_rule(location: tuple[int | str, ...], value: str) -> str:
    key = location[-1]
    if key in ("slack", "channel"):
        hint = f'; did you mean "#{value}"?' if value.replace("-", "").replace("_", "").isalnum() else ""
        return _PATTERNS["#"] + hint
    if key == "name":
        return _PATTERNS["probe"]
    meant = "-".join("".join(c if c.isalnum() and c.isascii() else " " for c in value.lower()).split())[:63]
    return f"{_PATTERNS['lower']}" + (f'; did you mean "{meant}"?' if meant and meant != value else "")


def _not_one_of(value: Any, details: ErrorDetails) -> str:
    allowed = [word.strip("'") for word in details["ctx"]["expected"].replace(" or ", ", ").split(", ")]
    hint = did_you_mean(value, allowed) if isinstance(value, str) else ""
    return f"must be {listed(allowed)}, not {what(value)}{hint}"


def _which_probe(value: Any) -> str:
    if not isinstance(value, dict):
        return f"must be a mapping with a name and one of {listed(PROBE_KINDS)}, not {what(value)}"
    kinds = [kind for kind in PROBE_KINDS if kind in value]
    if kinds:
        return f"has {listed(kinds, last='and')}; write exactly one of {listed(PROBE_KINDS, last='and')}"
    meant = (
        (key, nearest(key, PROBE_KINDS)) for key in value if key not in ("name", "expect", "role", "holds")
    )
    hint = next((f'; did you mean "{near}" for "{shorten(key)}"?' for key, near in meant if near), "")
    return f"needs exactly one of {listed(PROBE_KINDS, last='and')}{hint}"


def _unknown_key(path: Path, allowed: list[str], later: Mapping[str, str]) -> str:
    key = str(path[-1])
    if len(path) == 1 and key in later:
        return (
            f"this version does not check {later[key]}; remove the key, because a rule must not seem to hold"
        )
    return f"is not a known key; allowed are {listed(allowed, last='and')}{did_you_mean(key, allowed)}"


def _allowed_at(location: tuple[int | str, ...], form: type[BaseModel]) -> list[str]:
    model = _model_at(location, form)
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def _described(location: tuple[int | str, ...], form: type[BaseModel]) -> str:
    """Return the description of the field at *location*, as a half-sentence with an example."""
    model = _model_at(location[:-1], form)
    fields = model.model_fields.items() if model else ()
    for name, field in fields:
        if (field.alias or name) == location[-1] and field.description:
            return _half_sentence(field)
    return "it must be given"


def _half_sentence(field: FieldInfo) -> str:
    text = (field.description or "").rstrip(".")
    return text[0].lower() + text[1:] if text[:2] != text[:2].upper() else text


def _model_at(location: tuple[int | str, ...], form: type[BaseModel]) -> type[BaseModel] | None:
    """Follow pydantic's location (keys, indexes and tags of unions) to the model that is there."""
    candidates: list[type[BaseModel]] = [form]
    for place, part in enumerate(location):
        if isinstance(part, int):
            continue
        if _is_tag(place, location):
            candidates = [model for model in candidates if _tag_of(model) == part]
            continue
        found = [
            field.annotation for model in candidates for name, field in model.model_fields.items()
            if (field.alias or name) == part
        ]  # fmt: skip
        candidates = [model for annotation in found for model in _models_in(annotation)] or candidates
    return candidates[0] if candidates else None


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models that an annotation is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Annotated, Union, types.UnionType, list, dict, typing.Literal):
        for argument in get_args(annotation):
            yield from _models_in(argument)


def _path_of(location: tuple[int | str, ...]) -> Path:
    """Return pydantic's location without the tag of a union, which follows the index of an entry."""
    return tuple(part for place, part in enumerate(location) if not _is_tag(place, location))


def _is_tag(place: int, location: tuple[int | str, ...]) -> bool:
    return place == _PLACE_OF_TAG and location[0] in _TAGGED and str(location[place]).startswith("(")


def _tag_of(model: type[BaseModel]) -> str:
    return f"({model.__name__.removesuffix('Entry').lower()})"
