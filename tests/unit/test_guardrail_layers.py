"""Policies in layers: one more can only tighten."""

from dataclasses import replace
from datetime import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails import decide_all
from guardrails.layers import layers
from tasks.opening import policy_of
from tasks.request import RunRequest
from tests.unit.guardrail_start import EXPERIMENT, FACTS, NIGHT, NOW, OFFICE, POLICY
from tests.unit.strategies import experiments, facts, moments, policies
from windtunnel.files import FileError, stacked
from windtunnel.model.decision import Outcome, worst
from windtunnel.model.experiment import Schedule
from windtunnel.model.policy import Caps, Policy


def outcome(policy, experiment=EXPERIMENT, known=FACTS, now=NOW):
    return max(worst(decide_all(each, seen, known, now)) for each, seen in layers(policy, experiment))


@given(near=policies(), far=policies(), data=st.data(), now=moments)
@settings(max_examples=60, deadline=None)
def test_a_run_that_one_policy_refuses_is_refused_whatever_stands_beside_it(near, far, data, now):
    known = data.draw(facts(now))
    run = replace(data.draw(experiments()), schedule=Schedule())
    alone = max(worst(decide_all(each, run, known, now)) for each in (near, far))
    assert outcome(stacked([near, far]), run, known, now) is alone


def test_a_nearer_policy_cannot_raise_a_cap():
    near, far = replace(POLICY, caps=Caps(pods=9)), replace(POLICY, caps=Caps(pods=0))
    assert outcome(stacked([near])) is Outcome.ALLOW
    assert outcome(stacked([near, far])) is Outcome.DENY
    assert outcome(stacked([far, near])) is Outcome.DENY


def test_a_nearer_window_of_the_same_name_cannot_stretch_the_hours_above():
    stretched = replace(OFFICE, start=time(0), end=None, days=frozenset(range(1, 8)))
    named = replace(EXPERIMENT, schedule=Schedule(window="office"))
    near, far = replace(POLICY, windows={"office": stretched}), replace(POLICY, windows={"office": NIGHT})
    assert outcome(stacked([near]), named) is Outcome.ALLOW
    assert outcome(stacked([near, far]), named) is Outcome.DENY


def test_a_window_that_only_one_policy_knows_must_be_open_in_it_and_any_other_window_in_the_rest():
    named = replace(EXPERIMENT, schedule=Schedule(window="office"))
    near, far = replace(POLICY, windows={"office": OFFICE}), replace(POLICY, windows={"other": OFFICE})
    assert outcome(stacked([near, far]), named) is Outcome.ALLOW
    assert outcome(stacked([near, replace(far, windows={"other": NIGHT})]), named) is Outcome.DENY
    assert outcome(stacked([Policy(), near]), named) is Outcome.ALLOW
    assert outcome(stacked([Policy(), far]), named) is Outcome.DENY  # nobody knows it


def test_the_installation_s_policy_is_read_where_the_run_happens_and_cannot_be_left_out(
    tmp_path, monkeypatch
):
    installation = tmp_path / "installation.yaml"
    installation.write_text("caps: {pods: 0}\n")
    monkeypatch.setenv("WINDTUNNEL_POLICY", str(installation))
    asked = RunRequest(experiment_text="x", policy_text="caps: {pods: 9}\n", policy_source="p.yaml")
    assert [each.caps.pods for each in policy_of(asked).stack] == [9, 0]
    installation.unlink()
    with pytest.raises(FileError, match=r"installation\.yaml"):
        policy_of(asked)
