"""Times as the API writes them, and the controllers' one reading of the wall clock."""

from datetime import UTC, datetime


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the lab is a separate program: it has no Clock to take


def as_time(moment: datetime) -> str:
    """A metav1.Time: whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def as_micro_time(moment: datetime) -> str:
    """A metav1.MicroTime: six fractional digits."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def read_time(text: str) -> datetime:
    """The moment that either form means."""
    return datetime.fromisoformat(text)


def seconds_between(earlier: datetime, later: datetime) -> float:
    """How much later the later one is; negative where it is not."""
    return (later - earlier).total_seconds()
