"""Request bodies as JSON values, and Go's words for those that cannot be read."""

import json
from dataclasses import dataclass
from typing import Any

import yaml

from infra.lab.objects.statuses import Json, PatchError, StatusError, bad_request

_FIELDS = (r'APIVersion string "json:\"apiVersion,omitempty\""', r'Kind string "json:\"kind,omitempty\""')
_TYPE_META = f"struct {{ {'; '.join(_FIELDS)} }}"
_SHOWN = 30  # bytes of an unreadable body that a refusal shows


@dataclass(frozen=True, slots=True)
class Body:
    """A parsed body and the paths of keys that came more than once (their last value counts)."""

    document: Any
    duplicates: tuple[str, ...] = ()


class _Pairs(dict[str, Any]):
    """A JSON object that remembers its repeated keys."""

    __slots__ = ("repeated",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated: tuple[str, ...] = ()
        if len(self) != len(pairs):
            names = [name for name, _ in pairs]
            self.repeated = tuple(name for name in self if names.count(name) > 1)


def read_object(raw: bytes, *, kind: str, media_type: str = "application/json") -> Body:
    """The body of a create or replace: one JSON or YAML object.

    Raises:
        StatusError: 400, not JSON (or YAML), or no object; `kind` is what the message says was expected.
    """
    if media_type == "application/yaml":
        return Body(_mapping(_yaml(raw), raw, kind))
    try:
        parsed = _json(raw)
    except ValueError as error:
        raise _unrecognised(kind, f"{error}", raw) from None
    return Body(_mapping(parsed, raw, kind), tuple(_repeated(parsed)))


def _mapping(parsed: Any, raw: bytes, kind: str) -> Json:
    if isinstance(parsed, dict):
        return parsed
    names = {list: "array", str: "string", bool: "bool", int: "number", float: "number"}
    if parsed is None:  # JSON null reads as an empty object
        return {}
    words = f"json: cannot unmarshal {names[type(parsed)]} into Go value of type {_TYPE_META}"
    raise _unrecognised(kind, words, raw)


def _unrecognised(kind: str, words: str, raw: bytes) -> StatusError:
    shown = summary(raw)
    return StatusError(
        bad_request(
            f"the object provided is unrecognized (must be of type {kind}): "
            f"couldn't get version/kind; json parse error: {words} ({shown})"
        )
    )


def summary(raw: bytes) -> str:
    """The start of a body as refusals show it: text if it looks like JSON, else hexadecimal."""
    if not raw:
        return "<empty>"
    start = raw[:_SHOWN]
    text = start.decode(errors="replace") if raw.startswith(b"{") else start.hex()
    return f"{text} ..." if len(raw) > _SHOWN else text


def read_options(raw: bytes) -> Json:
    """The body of a delete: DeleteOptions, or nothing.

    Raises:
        StatusError: 400, not a JSON object.
    """
    if not raw:
        return {}
    try:
        parsed = _json(raw)
    except ValueError as error:
        raise StatusError(bad_request(f"couldn't get version/kind; json parse error: {error}")) from None
    return parsed if isinstance(parsed, dict) else {}


def read_patch(raw: bytes) -> Any:
    """The body of a JSON, merge or strategic patch.

    Raises:
        PatchError: 400, not JSON.
    """
    try:
        return _json(raw)
    except ValueError as error:
        raise PatchError(bad_request(f"error decoding patch: {error}")) from None


def read_apply(raw: bytes) -> Json:
    """The body of a server-side apply: YAML, of which JSON is a part.

    Raises:
        PatchError: 400, not YAML or no object.
    """
    try:
        parsed = _yaml(raw)
    except StatusError as error:
        raise PatchError(bad_request(f"error decoding YAML: {error.message}")) from None
    if not isinstance(parsed, dict):
        raise PatchError(
            bad_request(
                "error decoding YAML: json: cannot unmarshal into Go value of type map[string]interface {}"
            )
        )
    return parsed


def _json(raw: bytes) -> Any:
    """JSON values; the ValueError of a malformed text has Go's words."""
    try:
        text = raw.decode()
        return json.loads(text, object_pairs_hook=_Pairs, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ValueError(_go_words(error)) from None
    except UnicodeDecodeError:
        words = "invalid UTF-8 in JSON"
        raise ValueError(words) from None
    except RecursionError:
        words = "exceeded max depth"
        raise ValueError(words) from None


def _no_constant(name: str) -> Any:
    """NaN and Infinity are not JSON."""
    words = f"invalid character '{name[0]}' looking for beginning of value"
    raise ValueError(words)


def _go_words(error: json.JSONDecodeError) -> str:
    rest = error.doc[error.pos :]
    if not rest.strip() or error.msg.startswith("Unterminated"):
        return "unexpected end of JSON input"
    character = rest.lstrip()[0]
    if error.msg.startswith("Extra data"):
        return f"invalid character '{character}' after top-level value"
    if "property name" in error.msg:
        return f"invalid character '{character}' looking for beginning of object key string"
    if "delimiter" in error.msg:
        return f"invalid character '{character}' after object key:value pair"
    return f"invalid character '{character}' looking for beginning of value"


def _repeated(value: Any, path: str = "") -> list[str]:
    """Paths of repeated keys, in document order."""
    found: list[str] = []
    if isinstance(value, _Pairs):
        found += [f"{path}{name}" for name in value.repeated]
        for name, item in value.items():
            found += _repeated(item, f"{path}{name}.")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += _repeated(item, f"{path.removesuffix('.')}[{index}].")
    return found


class _PlainLoader(yaml.SafeLoader):
    """YAML as JSON: timestamps stay texts."""


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _yaml(raw: bytes) -> Any:
    try:
        return yaml.load(raw, Loader=_PlainLoader)  # noqa: S506 - it is a SafeLoader with fewer types
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = error.problem or ""
        words = "did not find expected node content" if "expected the node content" in problem else problem
        raise StatusError(bad_request(f"error converting YAML to JSON: yaml: line {line}: {words}")) from None
    except yaml.YAMLError as error:
        raise StatusError(bad_request(f"error converting YAML to JSON: yaml: {error}")) from None
