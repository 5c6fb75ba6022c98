"""The API server's one reading of the wall clock."""

from datetime import UTC, datetime, timedelta


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the lab is a separate program: it has no Clock to take


def timestamp() -> str:
    """This moment as metav1.Time writes it: whole seconds."""
    return now().strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_timestamp() -> str:
    """This moment as metav1.MicroTime writes it: six fractional digits."""
    return now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def timestamp_in(seconds: int) -> str:
    """The moment so many seconds from now, as metav1.Time writes it."""
    return (now() + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
