"""The figures, words and thinned lines that reports are made of."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.report_sample import EXPERIMENT, RECORD, ZERO, at, event, events
from windtunnel.model.comparison import parse_comparison
from windtunnel.model.experiment import CommandProbe, HttpProbe, KubernetesProbe, Probe, PrometheusProbe
from windtunnel.model.record import EventKind, Phase, Record, Sample
from windtunnel.report.figures import Span, fault_span, probe_figures, zero
from windtunnel.report.markdown_text import code, escape, table
from windtunnel.report.probe_words import amount, expectation, number, seconds, thresholds
from windtunnel.report.traces import extremes, sparkline, spread, trace


def probe(look):
    return Probe(name="p", look=look)


@pytest.mark.parametrize(
    ("look", "words", "bounds"),
    [
        (PrometheusProbe("q", parse_comparison(">= 0.99")), ">= 0.99", (0.99,)),
        (PrometheusProbe("q", parse_comparison("between 1 and 5")), "between 1 and 5", (1.0, 5.0)),
        (HttpProbe("http://x/", status=(200, 204), within_s=0.5), "HTTP 200/204 within 500 ms", (0.5,)),
        (HttpProbe("http://x/", matches="ok"), "HTTP 200, body matches ok", ()),
        (KubernetesProbe("deployment/x"), "all ready", ()),
        (KubernetesProbe("deployment/x", ready=parse_comparison(">= 2")), ">= 2 ready", (2.0,)),
        (KubernetesProbe("node/n", condition="Ready"), "node/n Ready=True", ()),
        (CommandProbe(("true",)), "exit status 0", ()),
        (CommandProbe(("x",), expect=parse_comparison("< 5%")), "< 0.05", (0.05,)),
    ],
)
def test_an_expectation_is_told_in_words_and_bounds(look, words, bounds):
    assert expectation(probe(look)) == words
    assert thresholds(probe(look)) == bounds


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "-"), (0.0, "0 s"), (0.00085, "850 µs"), (0.012, "12 ms"), (3.21, "3.2 s"), (250, "4 min 10 s")],
)
def test_a_time_is_written_in_the_unit_that_fits(value, words):
    assert seconds(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0, "0"), (0.99871, "0.9987"), (42.0, "42"), (123456.7, "123457"), (1e9, "1.000e+09")],
)
def test_a_number_is_written_with_the_digits_that_matter(value, words):
    assert number(value) == words


def test_only_a_latency_has_a_unit():
    assert amount(probe(HttpProbe("http://x/")), 0.02) == "20 ms"
    assert amount(probe(PrometheusProbe("q", parse_comparison("> 1"))), 0.02) == "0.02"


def test_the_timeline_counts_from_the_first_injection():
    assert zero(RECORD) == ZERO


def test_without_an_injection_the_timeline_counts_from_the_start():
    blocked = replace(RECORD, events=(event(-3.2, EventKind.STARTED, ""), event(-1, EventKind.BLOCKED, "")))

    assert zero(blocked) == at(-3.2)
    assert fault_span(blocked) is None
    assert zero(Record("r", "x", (), ())) is None


def test_the_fault_lasts_until_undo_is_finished():
    assert fault_span(RECORD) == Span(0.0, 20.2)


def test_a_fault_that_was_never_undone_lasts_until_the_end_of_the_record():
    lost = replace(RECORD, events=tuple(e for e in events() if e.at < at(1)))

    assert fault_span(lost) == Span(0.0, pytest.approx(24.25))


def test_each_probe_is_counted_by_phase():
    by_place = {(figures.probe, figures.phase): figures for figures in probe_figures(RECORD, EXPERIMENT)}

    ratio = by_place["success ratio", Phase.DURING]
    page = by_place["front page", Phase.DURING]
    smoke = by_place["smoke test", Phase.DURING]
    assert (ratio.looks, ratio.missed, ratio.unanswered) == (21, 10, 0)
    assert ratio.minimum < 0.95 < ratio.maximum
    assert page.unanswered == 2
    assert (smoke.minimum, smoke.median, smoke.maximum) == (None, None, None)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=2000), st.integers(2, 50))
def test_thinning_a_line_keeps_its_ends_and_its_extremes(values, limit):
    points = [(float(place), value) for place, value in enumerate(values)]

    thin = extremes(points, limit=limit)

    assert len(thin) <= max(limit, 2) + 2
    assert (thin[0], thin[-1]) == (points[0], points[-1])
    assert {min(values), max(values)} <= {value for _, value in thin}
    assert list(thin) == sorted(thin)


@given(st.lists(st.integers(), max_size=500), st.integers(2, 20))
def test_thinning_marks_keeps_the_first_and_the_last(things, limit):
    thin = spread(things, limit=limit)

    assert len(thin) <= limit
    assert thin[:1] == things[:1]
    assert thin[-1:] == things[-1:]


def test_a_trace_sorts_looks_by_what_came_of_them():
    samples = [
        Sample(at(0), "p", Phase.DURING, True, 1.0, 0.1),
        Sample(at(1), "p", Phase.DURING, False, math.inf, 0.1),
        Sample(at(2), "p", Phase.DURING, None, None, 0.1),
        Sample(at(3), "other", Phase.DURING, True, 1.0, 0.1),
    ]

    found = trace(samples, "p", ZERO)

    assert (found.line, found.held) == (((0.0, 1.0),), (0.0,))
    assert (found.missed, found.silent) == (((1.0, math.inf),), (2.0,))


@pytest.mark.parametrize(
    ("values", "drawn"),
    [([0, 1], "▁█"), ([1, None, 1], "▄ ▄"), ([], ""), (list(range(100)), "▁▁▂▃▄▅▆▇██"), ([None], " ")],
)
def test_a_sparkline_spans_the_range_of_what_it_shows(values, drawn):
    assert sparkline(values, width=10) == drawn


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a | b", r"a \| b"),
        ("http_requests_total", "http_requests_total"),
        ("_emphasis_ *strong*", r"\_emphasis\_ \*strong\*"),
        ("<script>", r"\<script>"),
        ("![x](http://e)", r"!\[x\](http://e)"),
        ("line\nline", "line line"),
        ("# title", r"\# title"),
        ("1. first", r"1\. first"),
        ("- item", r"\- item"),
        ("a &amp; b & c", r"a \&amp; b & c"),
    ],
)
def test_text_stays_text(text, shown):
    assert escape(text) == shown


def test_code_may_hold_backticks():
    assert code("a `b` c") == "`` a `b` c ``"


def test_a_cell_is_bounded_and_stays_one_cell():
    text = table(("a", "b"), [("x|y\nz", "w" * 1000)], right=frozenset({1}))

    head, rule, row = text.splitlines()
    assert (head, rule) == ("| a | b |", "| --- | ---: |")
    assert row.startswith(r"| x\|y z | www")
    assert len(row) < 330
