"""Selectors and quantities."""

from decimal import Decimal

import pytest

from infra.lab.objects.quantities import QuantityError, canonical, parse_quantity
from infra.lab.objects.resources import lookup
from infra.lab.objects.selectors import (
    SelectorError,
    as_label_text,
    match_label_selector,
    parse_field_selector,
    parse_label_selector,
)

LABELS = {"app": "web", "tier": "front", "weight": "7", "empty": ""}


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("", True),
        (None, True),
        ("app=web", True),
        ("app==web", True),
        ("app!=web", False),
        ("app=db", False),
        ("app in (web, db)", True),
        ("app notin (web)", False),
        ("none notin (web)", True),
        ("tier", True),
        ("!tier", False),
        ("!none", True),
        ("none", False),
        ("app=web,none", False),
        ("empty=", True),
        ("weight>6,weight<8", True),
        ("app>1", False),
        ("none!=x", True),
    ],
)
def test_labels_are_selected_as_written(text, selected):
    assert parse_label_selector(text).matches(LABELS) is selected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("=a", "unable to parse requirement: found '=', expected: identifier"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("a,", "found '', expected: identifier after ','"),
    ],
)
def test_a_selector_that_cannot_be_read_is_refused_in_the_servers_words(text, words):
    with pytest.raises(SelectorError) as refusal:
        parse_label_selector(text)
    assert (refusal.value.code, refusal.value.message) == (400, words)


def test_a_selector_object_without_terms_selects_everything_and_none_selects_nothing():
    assert match_label_selector({}, LABELS)
    assert not match_label_selector(None, LABELS)


def test_expressions_of_a_selector_object_all_have_to_hold():
    selector = {
        "matchLabels": {"app": "web"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["front", "back"]},
            {"key": "none", "operator": "DoesNotExist"},
        ],
    }
    assert match_label_selector(selector, LABELS)
    assert not match_label_selector(selector, {**LABELS, "none": "x"})
    assert as_label_text(selector) == "app=web,tier in (back,front),!none"


def test_fields_are_selected_by_value_and_absent_ones_count_as_empty():
    pod = {"metadata": {"name": "a"}, "spec": {}, "status": {"phase": "Running"}}
    supported = lookup("", "v1", "pods").fields
    for text, selected in (
        ("status.phase=Running", True),
        ("status.phase!=Running", False),
        ("spec.nodeName=", True),
        ("metadata.name==a,status.phase=Pending", False),
        ("", True),
    ):
        assert parse_field_selector(text, supported=supported).matches(pod) is selected
    node = {"metadata": {"name": "n"}, "spec": {}}
    assert parse_field_selector("spec.unschedulable=false").matches(node)


def test_a_field_that_cannot_be_selected_by_is_refused_differently_for_pods_and_config_maps():
    pods, maps = lookup("", "v1", "pods"), lookup("", "v1", "configmaps")
    with pytest.raises(SelectorError, match=r"^field label not supported: spec.hostname$"):
        parse_field_selector("spec.hostname=a", supported=pods.fields, known=pods.known_fields)
    with pytest.raises(
        SelectorError, match=r'^"data.a" is not a known field selector: only "metadata.name", '
    ):
        parse_field_selector("data.a=b", supported=maps.fields, known=maps.known_fields)
    with pytest.raises(
        SelectorError, match=r"invalid selector: 'metadata\.name'; can't understand 'metadata\.name'"
    ):
        parse_field_selector("metadata.name")


@pytest.mark.parametrize(
    ("text", "value", "form"),
    [
        ("0.1", "0.1", "100m"),
        ("1024Ki", "1048576", "1Mi"),
        ("65536k", "65536000", "65536k"),
        (2, "2", "2"),
        ("1.5Gi", "1610612736", "1536Mi"),
        ("1e3", "1000", "1e3"),
        ("0", "0", "0"),
        ("0.5Ki", "512", "512"),
        ("12.5", "12.5", "12500m"),
        ("-1", "-1", "-1"),
        ("1000m", "1", "1"),
        ("0.0000000001", "1e-10", "1n"),
    ],
)
def test_quantities_have_a_value_and_a_canonical_form(text, value, form):
    assert parse_quantity(text) == Decimal(value)
    assert canonical(text) == form


@pytest.mark.parametrize("text", ["lots", "", "1.2.3", "1KiB", "1 Gi", "0x10", "--1"])
def test_what_is_no_quantity_is_refused(text):
    with pytest.raises(QuantityError):
        canonical(text)
