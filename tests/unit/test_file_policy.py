"""The policy file: what it means, and the exact line of every mistake."""

from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest
import yaml

from windtunnel.files import (
    FileError,
    check_against_policy,
    find_policies,
    load_policies,
    load_policy,
    parse_experiment,
    parse_policy,
    stacked,
)
from windtunnel.files.policy_form import LATER
from windtunnel.model.policy import Policy

MISTAKES = yaml.safe_load(
    (Path(__file__).parent / "data" / "policy_mistakes.yaml").read_text(encoding="utf-8")
)
EXPERIMENT = """\
experiment: x
hypothesis: h
owner: o
target: {cluster: prod, namespace: shop, workload: deployment/checkout}
steady_state:
  - {name: ratio, prometheus: up, expect: ">= 1"}
faults:
  - pod-delete:
duration: 60s
recover_within: 30s
schedule: {window: office-hours}
"""
POLICY = """\
timezone: Europe/Paris
windows:
  office-hours: {days: Mon-Thu, from: "09:00", to: "16:00"}
  night: {days: [Fri, sunday], from: 22:00, to: 02:00}
  always: {days: Sat, from: 2:00, to: 24:00}
blackouts:
  - {from: 2026-12-24, to: 2026-12-26, reason: holiday freeze}
  - {from: 2026-12-31T18:00, to: 2027-01-01T06:00Z, reason: party}
caps: {pods: 2, percent: 10%, nodes: 0, duration: 10m, concurrent_runs: 3}
opt_in: chaos in (on, yes)
protect: {namespaces: [monitoring], services: [database, bank/payment]}
abort_when:
  - ratio < 95% for 10s
clusters:
  prod: {kubeconfig: ~/.kube/prod, context: eu, prometheus: "http://prom:9090"}
prometheus: {url: http://prometheus:9090}
slack: {channel: "#resilience"}
"""


def mistakes(text, source="p.yaml"):
    with pytest.raises(FileError) as caught:
        parse_policy(text, source)
    return [line.removeprefix(f"{source}:") for line in str(caught.value).splitlines()]


def test_every_key_of_a_policy_arrives():
    policy = parse_policy(POLICY, "p.yaml")
    office, night, always = policy.windows.values()
    assert (office.days, office.start, office.end) == ({1, 2, 3, 4}, time(9), time(16))
    assert (night.days, night.start, night.end) == ({5, 7}, time(22), time(2))
    assert (always.days, always.start, always.end) == ({6}, time(2), None)
    assert {window.timezone for window in policy.windows.values()} == {"Europe/Paris"}
    holiday, party = policy.blackouts
    assert (holiday.start, holiday.end, holiday.reason) == (
        date(2026, 12, 24),
        date(2026, 12, 26),
        "holiday freeze",
    )
    assert (party.start, party.end) == (datetime(2026, 12, 31, 18), datetime(2027, 1, 1, 6, tzinfo=UTC))  # noqa: DTZ001
    assert (policy.caps.pods, policy.caps.percent, policy.caps.nodes) == (2, 10.0, 0)
    assert (policy.caps.duration_s, policy.caps.concurrent_runs) == (600.0, 3)
    assert policy.opt_in == "chaos in (on, yes)"
    assert str(policy.abort_when[0]) == "ratio < 0.95 for 10s"
    assert policy.clusters["prod"].context == "eu"
    assert (policy.prometheus_url, policy.slack_channel) == ("http://prometheus:9090", "#resilience")
    assert policy.source == "p.yaml"


def test_a_policy_can_only_add_to_what_is_always_protected():
    protected = parse_policy(POLICY, "p.yaml").protected
    assert protected.namespaces == Policy().protected.namespaces | {"monitoring"}
    assert protected.services == {"database", "bank/payment"}


def test_no_policy_file_means_the_built_in_rules():
    assert load_policy(None) == Policy()


def test_what_a_policy_leaves_out_stays_strict():
    assert parse_policy("timezone: UTC\n", "") == Policy()


@pytest.mark.parametrize("key", sorted(LATER))
def test_a_rule_that_this_version_does_not_check_is_refused_not_ignored(key):
    says = f"this version does not check {LATER[key]}; remove the key, because a rule must not seem to hold"
    assert mistakes(f"timezone: UTC\n{key}: {{a: b}}\n") == [f"2:1: {key}: {says}"]


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_each_mistake_in_a_policy_is_one_line_with_its_place(mistake):
    assert mistakes(mistake["text"]) == mistake["says"].splitlines()


# --- an experiment against its policy


def test_what_an_experiment_names_is_in_its_policy():
    assert parse_experiment(EXPERIMENT, "e.yaml", policy=parse_policy(POLICY, "p.yaml")).schedule.window


def test_what_a_policy_does_not_have_is_named_with_its_line():
    policy = parse_policy("windows:\n  office: {days: Mon, from: 09:00, to: 16:00}\n", "p.yaml")
    with pytest.raises(FileError) as caught:
        parse_experiment(EXPERIMENT, "e.yaml", policy=policy)
    cluster, window = str(caught.value).splitlines()
    assert cluster == 'e.yaml:4:19: target.cluster: "prod" is no cluster of p.yaml; known are lab'
    assert window.startswith(
        'e.yaml:11:20: schedule.window: "office-hours" is no window of p.yaml, which has office;'
    )
    assert window.endswith('did you mean "office"?')


def test_the_conditions_of_a_policy_need_their_probes():
    policy = parse_policy(POLICY.replace("ratio <", "ratoi <"), "p.yaml")
    with pytest.raises(FileError, match='add a probe named "ratoi"; did you mean "ratio"'):
        parse_experiment(EXPERIMENT, "e.yaml", policy=policy)


def test_values_can_be_checked_against_a_policy_without_their_file():
    experiment = parse_experiment(EXPERIMENT, "e.yaml")
    check_against_policy(experiment, parse_policy(POLICY, "p.yaml"))
    with pytest.raises(FileError, match=r'e\.yaml: target\.cluster: "prod" is no cluster of the policy'):
        check_against_policy(experiment, Policy())


def test_a_window_may_be_in_any_policy_above():
    policy = stacked([parse_policy("timezone: UTC\n", "near.yaml"), parse_policy(POLICY, "p.yaml")])
    assert parse_experiment(EXPERIMENT, "e.yaml", policy=policy).schedule.window == "office-hours"


# --- finding it


def test_every_policy_beside_and_above_is_found_the_nearest_first(tmp_path):
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    (tmp_path / "windtunnel.yaml").write_text("")
    (tmp_path / "a" / "windtunnel.yml").write_text("")
    both = (tmp_path / "a" / "windtunnel.yml", tmp_path / "windtunnel.yaml")
    assert find_policies(deep / "e.yaml") == find_policies(deep) == both
    assert find_policies(tmp_path / "e.yaml") == both[1:]


def test_the_installation_s_policy_holds_for_every_run_and_each_file_once(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    near, far = tmp_path / "windtunnel.yaml", tmp_path / "installation.yaml"
    near.write_text("caps: {pods: 9}\nslack: {channel: '#near'}\n")
    far.write_text("caps: {pods: 2}\nprometheus: {url: http://far:9090}\n")
    monkeypatch.setenv("WINDTUNNEL_POLICY", str(far))
    policy = load_policies(tmp_path, given=near)
    assert [each.caps.pods for each in policy.stack] == [9, 2]
    assert (policy.slack_channel, policy.prometheus_url) == ("#near", "http://far:9090")
    far.unlink()
    with pytest.raises(FileError, match=r"installation\.yaml"):
        load_policies(tmp_path)


@pytest.mark.parametrize("border", ["repository", "home"])
def test_the_search_ends_at_the_repository_and_at_home(tmp_path, monkeypatch, border):
    inside = tmp_path / "project" / "experiments"
    inside.mkdir(parents=True)
    (tmp_path / "windtunnel.yaml").write_text("")
    if border == "repository":
        (tmp_path / "project" / ".git").mkdir()
    else:
        monkeypatch.setattr(Path, "home", lambda: tmp_path / "project")
    assert find_policies(inside / "e.yaml") == ()
    (tmp_path / "project" / "windtunnel.yaml").write_text("")
    assert find_policies(inside / "e.yaml") == (tmp_path / "project" / "windtunnel.yaml",)
