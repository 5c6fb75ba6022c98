"""Bodies in Kubernetes' protobuf form, as kubectl 1.32 sends some of its writes, read as JSON values.

Only reading: answers are always JSON, which every client accepts beside protobuf. protobuf_fields.json holds
the field numbers of the messages that can arrive, which are part of the API, as
{message: {number: [JSON name, type]}}, where ``[]`` marks lists, ``{}`` maps by name, and ``^`` parts whose
fields stand in the object itself.
"""

import base64
import json
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from infra.lab.objects.statuses import StatusError, bad_request

Object = dict[str, Any]
Wire = int | bytes

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\0"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# Zero means something else than absence in these fields; in others Go writes zeros that JSON leaves out.
_ZERO_COUNTS = frozenset(
    {
        "allowPrivilegeEscalation", "automountServiceAccountToken", "backoffLimit", "blockOwnerDeletion",
        "completions", "controller", "enableServiceLinks", "failedJobsHistoryLimit", "gracePeriodSeconds",
        "immutable", "optional", "orphanDependents", "parallelism", "partition", "privileged",
        "readOnlyRootFilesystem", "replicas", "revisionHistoryLimit", "runAsGroup", "runAsNonRoot",
        "runAsUser", "successfulJobsHistoryLimit", "terminationGracePeriodSeconds",
        "ttlSecondsAfterFinished", "value",
    }
)  # fmt: skip


class _WireError(ValueError):
    """The bytes are no message."""


def read_object(raw: bytes) -> Object:
    """The object in an enveloped body.

    Raises:
        StatusError: 400, it is none, or one that the server knows no fields of.
    """
    try:
        return _enveloped(raw)
    except (_WireError, IndexError, struct.error, UnicodeDecodeError) as error:
        message = f"the provided data does not appear to be a protobuf message: {error}"
        raise StatusError(bad_request(message)) from None


def _enveloped(raw: bytes) -> Object:
    if not raw.startswith(_MAGIC):
        words = "expected prefix [107 56 115 0]"
        raise _WireError(words)
    envelope = {number: value for number, value in _fields(raw[len(_MAGIC) :]) if isinstance(value, bytes)}
    about = {
        number: value.decode() for number, value in _fields(envelope.get(1, b"")) if isinstance(value, bytes)
    }
    version, kind = about.get(1, ""), about.get(2, "")
    message = _message_name(version, kind)
    if message not in _table():
        raise StatusError(
            bad_request(f'no kind "{kind}" is registered for version "{version}" in protobuf form')
        )
    return {"kind": kind, "apiVersion": version, **_message(message, envelope.get(2, b""))}


def _message_name(version: str, kind: str) -> str:
    if kind == "DeleteOptions":
        return "meta.v1.DeleteOptions"
    group, _, short = version.rpartition("/")
    return f"{(group or 'core').partition('.')[0]}.{short}.{kind}"


@cache
def _table() -> dict[str, dict[str, list[str]]]:
    text = Path(__file__).with_name("protobuf_fields.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, list[str]]] = json.loads(text)
    return found


def _fields(data: bytes) -> Iterator[tuple[int, Wire]]:
    """The numbers and raw values of a message's fields, in their order."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, form = tag >> 3, tag & 7
        if form == _VARINT:
            value, position = _varint(data, position)
            yield number, value
            continue
        if form == _BYTES:
            size, position = _varint(data, position)
        elif form in {_FIXED64, _FIXED32}:
            size = 8 if form == _FIXED64 else 4
        else:
            words = f"wire type {form} at byte {position}"
            raise _WireError(words)
        if position + size > len(data):
            words = "unexpected end"
            raise _WireError(words)
        yield number, data[position : position + size]
        position += size


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _message(name: str, data: bytes) -> Object:
    known, result = _table().get(name, {}), dict[str, Any]()
    for number, raw in _fields(data):
        if str(number) not in known:
            continue
        key, kind = known[str(number)]
        if kind.startswith("^"):
            result |= _message(kind[1:], _as_bytes(raw))
        elif kind.startswith("[]"):
            result.setdefault(key, []).append(_value(kind[2:], raw))
        elif kind.startswith("{}"):
            entry = dict(_fields(_as_bytes(raw)))
            result.setdefault(key, {})[_as_bytes(entry.get(1, b"")).decode()] = _value(
                kind[2:], entry.get(2, b"")
            )
        else:
            value = _value(kind, raw)
            if value not in (None, "") and (value or isinstance(value, dict) or key in _ZERO_COUNTS):
                result[key] = value
    return result


def _as_bytes(raw: Wire) -> bytes:
    if isinstance(raw, int):
        words = "a number where a message was expected"
        raise _WireError(words)
    return raw


def _value(kind: str, raw: Wire) -> Any:
    """One value as JSON has it; None for what JSON leaves out."""
    if isinstance(raw, int):
        if kind == "bool":
            return bool(raw)
        return raw - (1 << 64) if raw >= 1 << 63 else raw
    match kind:
        case "string":
            return raw.decode()
        case "bytes":
            return base64.b64encode(raw).decode()
        case "double":
            return struct.unpack("<d", raw)[0]
        case "int" | "bool":  # an absent number in a map entry
            return 0
        case "meta.v1.Time" | "meta.v1.MicroTime":
            return _time(raw, micro=kind.endswith("MicroTime"))
        case "resource.Quantity":
            return _as_bytes(dict(_fields(raw)).get(1, b"0")).decode()
        case "intstr.IntOrString":
            parts = dict(_fields(raw))
            return _as_bytes(parts.get(3, b"")).decode() if parts.get(1) else parts.get(2, 0)
        case "runtime.RawExtension" | "meta.v1.FieldsV1":
            text = _as_bytes(dict(_fields(raw)).get(1, b""))
            return json.loads(text) if text else None
        case _ if kind.endswith(".ExtraValue"):
            return _message(kind, raw).get("items", [])
        case _:
            return _message(kind, raw)


def _time(raw: bytes, *, micro: bool) -> str | None:
    parts = dict(_fields(raw))
    seconds, nanos = parts.get(1), parts.get(2, 0)
    if not isinstance(seconds, int) or not isinstance(nanos, int):
        return None
    moment = datetime.fromtimestamp(seconds, UTC)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{nanos // 1000:06d}Z" if micro else f"{text}Z"
