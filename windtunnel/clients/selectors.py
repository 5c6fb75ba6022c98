"""Label selectors of Kubernetes objects as the text that a list request takes. Pure."""

from collections.abc import Mapping
from typing import Any


def selector_text(selector: Mapping[str, Any]) -> str:
    """Turn `matchLabels` and `matchExpressions` into text; an empty selector, which matches all, into ""."""
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for rule in selector.get("matchExpressions") or ():
        key, values = rule["key"], ",".join(rule.get("values") or ())
        match rule["operator"]:
            case "In":
                parts.append(f"{key} in ({values})")
            case "NotIn":
                parts.append(f"{key} notin ({values})")
            case "Exists":
                parts.append(key)
            case _:
                parts.append(f"!{key}")
    return ",".join(parts)


def selects(selector: Mapping[str, str] | None, labels: Mapping[str, str]) -> bool:
    """Say whether a Service's plain selector takes in *labels*; a Service without one takes in nothing."""
    return bool(selector) and all(labels.get(key) == value for key, value in (selector or {}).items())
