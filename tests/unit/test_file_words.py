"""Durations and label selectors: the two small languages that the whole product shares."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.files.scalars import resolve
from windtunnel.model.duration import format_duration, parse_duration
from windtunnel.model.selector import parse_selector


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("60s", 60),
        ("5m", 300),
        ("1h", 3600),
        ("1h30m", 5400),
        ("14d", 1209600),
        ("1.5s", 1.5),
        ("1d2h3m4s5ms", 93784.005),
    ],
)
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("5", "5s"),
        ("1.5", "1.5s"),
        ("5 s", "5s"),
        ("5min", "5m"),
        ("2 hours", "2h"),
        ("1H 30M", "1h30m"),
        ("1 d", "1d"),
    ],
)
def test_a_near_miss_of_a_duration_gets_a_suggestion_that_is_one(text, meant):
    with pytest.raises(ValueError, match=f'did you mean "{meant}"'):
        parse_duration(text)
    assert parse_duration(meant) > 0


@pytest.mark.parametrize(
    "text", ["", "s", "-5s", "1m1h", "5s5s", "1e3s", "five days", "5x", "1,5s", "inf", "nan"]
)
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="is not a duration; write a number with a unit"):
        parse_duration(text)


@given(millis=st.integers(0, 366 * 86_400_000))
def test_a_duration_that_was_written_reads_the_same(millis):
    assert round(parse_duration(format_duration(millis / 1000)) * 1000) == millis


LABELS = {"app": "checkout", "tier": "web", "windtunnel.dev/enabled": "true"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("app=checkout", True),
        ("app==checkout", True),
        ("app = checkout , tier!=db", True),
        ("app=payments", False),
        ("tier!=web", False),
        ("team!=x", True),
        ("team=", False),
        ("app in (checkout, payments)", True),
        ("app notin (checkout)", False),
        ("team notin (a,b)", True),
        ("app", True),
        ("!app", False),
        ("! team", True),
        ("windtunnel.dev/enabled=true", True),
        ("", True),
    ],
)
def test_selectors_match_as_in_kubernetes(text, expected):
    assert parse_selector(text).matches(LABELS) is expected


@pytest.mark.parametrize(
    "text", ["=x", "app=a b", "app in checkout", "app in (a", "app,,tier", "a=b=c", "-a=b", "app>5", "/x=y"]
)
def test_what_is_no_selector_is_refused(text):
    with pytest.raises(ValueError, match="is not a label selector"):
        parse_selector(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("on", "on"), ("yes", "yes"), ("true", True), ("False", False), ("09:00", "09:00"),
        ("2026-12-24", "2026-12-24"), ("010", 10), ("0o10", 8), ("0x1F", 31), ("1_000", "1_000"),
        ("1e3", 1000.0), (".5", 0.5), ("-", "-"), ("~", None), ("null", None),
        ("1.2.3", "1.2.3"), ("=", "="),
    ],
)  # fmt: skip
def test_plain_scalars_mean_what_yaml_1_2_says(text, value):
    found = resolve(text)
    assert (found, type(found)) == (value, type(value))
