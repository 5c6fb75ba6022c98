"""Whatever is appended is read back, on every database."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.record_strategies import EVENTS, SAMPLES, to_the_millisecond
from windtunnel.ledger import open_ledger

_numbers = itertools.count(1)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def ledger(request, tmp_path_factory):
    """Open one ledger for all examples."""
    if request.param == "sqlite":
        address = f"sqlite:///{tmp_path_factory.mktemp('any')}/ledger.db"
    else:
        server = request.getfixturevalue("postgres_server")
        server.sql("CREATE DATABASE any_record")
        address = server.url("any_record")
    with open_ledger(address) as opened:
        yield opened


@settings(deadline=None, max_examples=50)
@given(events=st.lists(EVENTS, max_size=4), samples=st.lists(SAMPLES, max_size=4))
def test_any_record_is_read_back_as_it_was_appended(ledger, events, samples):
    run_id = f"run-{next(_numbers)}"
    ledger.begin(run_id, "x")
    for event in events:
        ledger.append(run_id, event)
    ledger.append_samples(run_id, samples)
    ledger.flush()

    record = ledger.read(run_id)

    assert record.events == tuple(sorted(to_the_millisecond(events), key=lambda each: each.at))
    assert record.samples == tuple(sorted(to_the_millisecond(samples), key=lambda each: each.at))
