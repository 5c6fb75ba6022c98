"""The node agent's readings of the wall clock, written as the Kubernetes API writes time."""

from datetime import UTC, datetime, timedelta


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the lab is a separate program: it has no Clock to take


def timestamp(moment: datetime | None = None) -> str:
    """A moment (now when none is given) as metav1.Time: whole seconds."""
    return (moment or now()).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_timestamp() -> str:
    """This moment as metav1.MicroTime: six fractional digits."""
    return now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse(text: str) -> datetime:
    """The moment a Kubernetes timestamp names."""
    return datetime.fromisoformat(text)


def ago(seconds: float) -> datetime:
    """The moment that lies so many seconds back."""
    return now() - timedelta(seconds=seconds)
