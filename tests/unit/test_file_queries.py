"""Queries in a policy file: where the query ends and what is expected of it begins."""

import pytest

from windtunnel.files import parse_policy
from windtunnel.files.words import query_and_comparison, unfiltered_query


@pytest.mark.parametrize(
    ("written", "query", "comparison"),
    [
        ('up{job="api"} == 1', 'up{job="api"}', "== 1"),
        ('up{job="a==1"} == 1', 'up{job="a==1"}', "== 1"),
        ('up{job="a(\\"}"}  !=  -1', 'up{job="a(\\"}"}', "!=  -1"),
        ("(up == bool 1) == 1", "(up == bool 1)", "== 1"),
        ("(count(up == 0) or vector(0)) == 0", "(count(up == 0) or vector(0))", "== 0"),
        ("a / on(job) group_left b >= 0.5", "a / on(job) group_left b", ">= 0.5"),
        ("a % 2 == 0", "a % 2", "== 0"),
        ("errors < 5%", "errors", "< 5%"),
        ("rate(x[5m] offset 1h) <= 1e-3", "rate(x[5m] offset 1h)", "<= 1e-3"),
        ("up between 1 and 5", "up", "between 1 and 5"),
        ("operand == 1", "operand", "== 1"),
    ],
)
def test_the_comparison_is_the_one_at_the_end_outside_quotes_and_brackets(written, query, comparison):
    assert query_and_comparison(written) == (query, comparison)


@pytest.mark.parametrize(
    "written",
    [
        "up",
        "== 1",
        "up = 1",
        "up == bool 1",
        "a > on(job) b",
        "up == 1 == 1",  # the first one would leave out what is down, and the second find all well
        "a and b == 1",
        "up == 1 or vector(1) == 1",
        'up{job="(" == 1',
        "up) == 1",
    ],
)
def test_what_could_hide_a_series_that_does_not_hold_is_refused(written):
    with pytest.raises(ValueError, match=r"not a query with one comparison|without its other half"):
        query_and_comparison(written)


@pytest.mark.parametrize("written", ["up == 1", "(up == 1)", "((up > 0))", "a < on(job) b"])
def test_a_query_that_filters_is_refused_because_what_it_leaves_out_is_what_is_looked_for(written):
    with pytest.raises(ValueError, match="leaves out the series that do not hold"):
        unfiltered_query(written)


@pytest.mark.parametrize("written", ["up", "up == bool 1", "count(up == 0)", 'up{job="<"}', "(a) + (b)"])
def test_a_query_that_keeps_every_series_is_taken(written):
    assert unfiltered_query(written) == written


def test_both_forms_of_a_health_query_say_the_same():
    policy = parse_policy('health: ["up == 1", {query: up, expect: "== 1"}]', "windtunnel.yaml")
    assert policy.health[0] == policy.health[1]
