"""Any record that there can be."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from windtunnel.model.forms import from_millis, to_millis
from windtunnel.model.record import Event, EventKind, Phase, Sample

_TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
_LETTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
_TEXT = st.text(_LETTERS)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)
EVENTS = st.builds(
    Event, _TIMES, st.sampled_from(EventKind), _TEXT, st.dictionaries(_TEXT, _JSON, max_size=3)
)
SAMPLES = st.builds(
    Sample,
    at=_TIMES,
    probe=st.text(_LETTERS, max_size=80),
    phase=st.sampled_from(Phase),
    ok=st.none() | st.booleans(),
    value=st.none() | st.floats(allow_nan=False),
    took_s=st.floats(0, 1e6),
    detail=_TEXT,
    error=_TEXT,
)


def to_the_millisecond(things):
    """Return events or samples as a ledger keeps them."""
    return tuple(
        type(thing)(from_millis(to_millis(thing.at)), *[getattr(thing, n) for n in thing.__slots__[1:]])
        for thing in things
    )
