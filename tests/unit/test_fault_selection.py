"""Choosing victims: never more than asked, only from the candidates, and the same for the same seed."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windtunnel.clients.targets import PodRef
from windtunnel.faults.parameters import seconds, share, whole
from windtunnel.faults.selection import Order, choose_pods, how_many
from windtunnel.model.errors import FaultError

pods = st.lists(
    st.builds(
        PodRef,
        name=st.text("abc-", min_size=1, max_size=8),
        uid=st.uuids().map(str),
        created=st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"]),
    ),
    min_size=1,
    max_size=30,
    unique_by=(lambda pod: pod.uid, lambda pod: pod.name),
)


def chance(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - chooses victims, keeps no secret


@settings(max_examples=50, deadline=None)
@given(pods, st.data())
def test_victims_are_as_many_as_asked_all_different_and_all_candidates(candidates, data):
    number = data.draw(st.integers(1, len(candidates)))
    order = data.draw(st.sampled_from(list(Order)))
    chosen = choose_pods(candidates, number=number, order=order, rng=chance(data.draw(st.integers())))
    assert len({pod.uid for pod in chosen}) == len(chosen) == number
    assert set(chosen) <= set(candidates)


@settings(max_examples=50, deadline=None)
@given(pods, st.data())
def test_the_same_seed_chooses_the_same_in_whatever_order_the_cluster_lists_them(candidates, data):
    number, seed = data.draw(st.integers(1, len(candidates))), data.draw(st.integers())
    shuffled = data.draw(st.permutations(candidates))
    for order in Order:
        first = choose_pods(candidates, number=number, order=order, rng=chance(seed))
        assert choose_pods(shuffled, number=number, order=order, rng=chance(seed)) == first


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 10_000), st.floats(0.001, 100))
def test_a_percentage_rounds_down_but_never_to_none_and_never_beyond_the_candidates(candidates, percent):
    number = how_many(candidates=candidates, count=None, percent=percent)
    assert 1 <= number <= candidates
    assert number == 1 or number <= candidates * percent / 100


def test_oldest_and_newest_go_by_creation():
    old, new = (
        PodRef("b", "1", created="2026-01-01T00:00:00Z"),
        PodRef("a", "2", created="2026-02-01T00:00:00Z"),
    )
    rng = chance(1)
    assert choose_pods([new, old], number=1, order=Order.OLDEST, rng=rng) == (old,)
    assert choose_pods([old, new], number=1, order=Order.NEWEST, rng=rng) == (new,)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"candidates": 2, "count": 3, "percent": None}, "3 are asked for, and the target has 2"),
        ({"candidates": 0, "count": None, "percent": None}, "no candidate"),
        ({"candidates": 5, "count": 1, "percent": 10.0}, "exclude each other"),
    ],
)
def test_what_cannot_be_chosen_is_refused(asked, words):
    with pytest.raises(FaultError, match=words):
        how_many(**asked)


@pytest.mark.parametrize(("given", "expected"), [(5, 5.0), ("10s", 10.0), ("1.5m", 90.0), ("250ms", 0.25)])
def test_durations_are_numbers_or_text_with_a_unit(given, expected):
    assert seconds({"grace": given}, "grace", 0) == expected


@pytest.mark.parametrize("given", ["10", "s", -1, True, None, float("nan"), [], "10 parsecs"])
def test_anything_else_is_no_duration(given):
    with pytest.raises(FaultError, match="grace"):
        seconds({"grace": given}, "grace", 0)


@pytest.mark.parametrize("given", [0, -1, 1.0, "1", True])
def test_a_count_is_a_whole_number(given):
    with pytest.raises(FaultError, match="count"):
        whole({"count": given}, "count", at_least=1)


@pytest.mark.parametrize("given", [0, -5, 101, "10%", True, float("nan")])
def test_a_share_lies_above_0_and_up_to_100(given):
    with pytest.raises(FaultError, match="percent"):
        share({"percent": given}, "percent")
