"""Records as JSON and back."""

import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.record_strategies import EVENTS, SAMPLES, to_the_millisecond
from windtunnel.model.forms import plain, record_form, record_of, to_millis
from windtunnel.model.record import Record


@given(st.lists(EVENTS, max_size=4), st.lists(SAMPLES, max_size=4))
def test_a_record_survives_the_way_through_json_to_the_millisecond(events, samples):
    exact = Record("r", "x", to_the_millisecond(events), to_the_millisecond(samples))

    text = json.dumps(record_form(Record("r", "x", tuple(events), tuple(samples))), allow_nan=False)

    assert record_of(json.loads(text)) == exact


@given(st.floats(), st.text())
def test_plain_values_are_always_json(number, text):
    value = {"n": number, "t": (text, {number}), 3: object}

    assert json.loads(json.dumps(plain(value), allow_nan=False))


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="no time zone"):
        to_millis(datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake under test
