"""Numbers that may be percentages."""

from math import ceil, floor


def is_percent(value: int | str | None) -> bool:
    """Whether a value is a percentage rather than a number."""
    return isinstance(value, str) and value.endswith("%")


def resolve(value: int | str, total: int, *, up: bool) -> int:
    """A number, or a percentage of the total rounded up or down."""
    if isinstance(value, str) and value.endswith("%"):
        share = int(value[:-1]) * total / 100
        return ceil(share) if up else floor(share)
    return int(value)
