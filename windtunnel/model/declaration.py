"""What people write down to declare something: a freeze, or that the safety lever is pulled.

One reading for a Prefect variable, the data of a config map, an annotation and the answer of an endpoint:

    nothing there, or a false word (false, no, off, 0, none, released, open)    not declared
    any other words                                                             declared; they are the reason
    a mapping, or JSON text of one                                              declared, unless its key
        frozen, active, enabled or pulled holds a false word; reason, by, at and until tell more

A declaration ends at `until` (RFC 3339). One whose end cannot be read does not end.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

FALSE_WORDS = frozenset({"", "false", "no", "off", "0", "none", "null", "released", "open", "unfrozen"})
_TRUE_WORDS = frozenset({"true", "yes", "on", "1", "frozen", "pulled", "closed"})
_FLAGS = ("frozen", "active", "enabled", "pulled")


@dataclass(frozen=True, slots=True)
class Declaration:
    """Something declared, by whom and why, as far as it was written down."""

    declared: bool
    reason: str = ""
    by: str = ""
    at: datetime | None = None
    until: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Say whether it is declared at *now*."""
        return self.declared and (self.until is None or now < self.until)


def read_declaration(value: Any) -> Declaration:
    """Read what somebody wrote; what cannot be understood counts as declared."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except ValueError:
            return Declaration(declared=True, reason=_line(value))
    if isinstance(value, Mapping):
        return _from_mapping(value)
    text = "" if value is None else _line(value)
    if text.lower() in FALSE_WORDS:
        return Declaration(declared=False)
    return Declaration(declared=True, reason="" if text.lower() in _TRUE_WORDS else text)


def instant(text: str) -> datetime | None:
    """Read an instant with its offset (RFC 3339), or None for what is none."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return at if at.tzinfo else None


def _from_mapping(value: Mapping[str, Any]) -> Declaration:
    known = {str(key).lower(): _line(told) for key, told in value.items() if told is not None}
    flags = [known[flag].lower() for flag in _FLAGS if flag in known]
    return Declaration(
        declared=not (flags and all(flag in FALSE_WORDS for flag in flags)),
        reason=known.get("reason", ""),
        by=known.get("by", ""),
        at=instant(known.get("at", "")),
        until=instant(known.get("until", "")),
    )


def _line(value: Any) -> str:
    return " ".join(str(value).split())[:500]
