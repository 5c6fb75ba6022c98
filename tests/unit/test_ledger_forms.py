"""Records as JSON and back."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.model.forms import from_millis, plain, record_form, record_of, to_millis
from windtunnel.model.record import Event, EventKind, Phase, Record, Sample

_TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)
_EVENTS = st.builds(
    Event, _TIMES, st.sampled_from(EventKind), _TEXT, st.dictionaries(_TEXT, _JSON, max_size=3)
)
_SAMPLES = st.builds(
    Sample,
    at=_TIMES,
    probe=_TEXT,
    phase=st.sampled_from(Phase),
    ok=st.none() | st.booleans(),
    value=st.none() | st.floats(allow_nan=False),
    took_s=st.floats(0, 1e6),
    detail=_TEXT,
    error=_TEXT,
)


@given(st.lists(_EVENTS, max_size=4), st.lists(_SAMPLES, max_size=4))
def test_a_record_survives_the_way_through_json_to_the_millisecond(events, samples):
    def cut(thing):
        return type(thing)(
            from_millis(to_millis(thing.at)), *[getattr(thing, n) for n in thing.__slots__[1:]]
        )

    exact = Record("r", "x", tuple(map(cut, events)), tuple(map(cut, samples)))

    text = json.dumps(record_form(Record("r", "x", tuple(events), tuple(samples))), allow_nan=False)

    assert record_of(json.loads(text)) == exact


@given(st.floats(), st.text())
def test_plain_values_are_always_json(number, text):
    value = {"n": number, "t": (text, {number}), 3: object}

    assert json.loads(json.dumps(plain(value), allow_nan=False))


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="no time zone"):
        to_millis(datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake under test
