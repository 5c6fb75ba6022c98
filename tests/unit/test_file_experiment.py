"""What a good experiment file means, value by value."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from windtunnel.files import FileError, load_experiment, parse_experiment
from windtunnel.files.experiment_rules import BUILT_IN_CLUSTERS
from windtunnel.model.comparison import Comparison
from windtunnel.model.experiment import (
    AbortCondition,
    CommandProbe,
    FaultSpec,
    Holds,
    HttpProbe,
    KubernetesProbe,
    PrometheusProbe,
    Role,
    Schedule,
    Target,
)

TOP = "experiment: x\nhypothesis: h\nowner: o\n"
TARGET = "target: {namespace: shop, workload: deployment/checkout}\n"
STEADY = 'steady_state:\n  - {name: up, prometheus: up, expect: "== 1"}\n'
FAULTS = "faults:\n  - pod-delete: {count: 1}\n"
TIMES = "duration: 60s\nrecover_within: 30s\n"


def parse(*, target=TARGET, steady=STEADY, faults=FAULTS, times=TIMES, more=""):
    return parse_experiment(TOP + target + steady + faults + times + more, "e.yaml")


def probe(entry):
    """Return the one probe that *entry* (YAML in braces) describes."""
    (found,) = parse(steady=f"steady_state:\n  - {entry}\n").steady_state
    return found


def test_the_plain_values_arrive():
    found = parse(more='notify: {slack: "#resilience"}\n')
    assert (found.name, found.hypothesis, found.owner) == ("x", "h", "o")
    assert (found.duration_s, found.recover_within_s) == (60.0, 30.0)
    assert (found.slack_channel, found.source) == ("#resilience", "e.yaml")
    assert found.schedule == Schedule()


@pytest.mark.parametrize(
    ("written", "target"),
    [
        ("{namespace: shop, workload: statefulset/db}", Target(namespace="shop", workload="statefulset/db")),
        ("{namespace: shop, selector: 'a=b,c!=d'}", Target(namespace="shop", selector="a=b,c!=d")),
        ("{nodes: pool=batch, cluster: lab}", Target(nodes="pool=batch", cluster="lab")),
        ("{nodes: node/worker-1}", Target(nodes="node/worker-1")),
    ],
)
def test_targets(written, target):
    assert parse(target=f"target: {written}\n").target == target


def test_dependencies_are_in_the_targets_namespace_unless_they_name_their_own():
    written = "dependencies: [deployment/catalog, payments/statefulset/db]\n"
    found = parse(target="target: {namespace: shop, workload: deployment/checkout}\n", more=written)
    assert found.dependencies == ("shop/deployment/catalog", "payments/statefulset/db")


def test_the_embedded_cluster_needs_no_entry_in_a_policy():
    assert "lab" in BUILT_IN_CLUSTERS


def test_a_probe_looks_once_a_second_for_up_to_five_unless_it_says_otherwise():
    plain = probe('{name: up, prometheus: up, expect: "== 1"}')
    assert (plain.role, plain.holds, plain.interval_s, plain.timeout_s) == (
        Role.STEADY,
        Holds.THROUGHOUT,
        1.0,
        5.0,
    )
    told = probe('{name: up, prometheus: up, expect: "== 1", holds: after, interval: 100ms, timeout: 2s}')
    assert (told.holds, told.interval_s, told.timeout_s) == (Holds.AFTER, 0.1, 2.0)


@pytest.mark.parametrize(
    ("written", "look"),
    [
        ('prometheus: "up > 0", expect: < 5%', PrometheusProbe("up > 0", Comparison("<", 0.05))),
        (
            "prometheus: up, expect: between 1 and 5",
            PrometheusProbe("up", Comparison("between", 1, 5)),
        ),
        ("http: http://shop/", HttpProbe("http://shop/")),
        (
            "http: https://shop/, expect: {status: [200, 204], within: 1s500ms, matches: ok}",
            HttpProbe("https://shop/", status=(200, 204), within_s=1.5, matches="ok"),
        ),
        (
            "http: {url: http://shop/, method: POST, headers: {X-Id: '7'}, body: 'a'}, expect: {status: 201}",
            HttpProbe("http://shop/", method="POST", headers={"X-Id": "7"}, body="a", status=(201,)),
        ),
        ("kubernetes: deployment/checkout", KubernetesProbe("deployment/checkout", namespace="shop")),
        (
            'kubernetes: deployment/checkout, namespace: bank, expect: ">= 2"',
            KubernetesProbe("deployment/checkout", namespace="bank", ready=Comparison(">=", 2)),
        ),
        (
            "kubernetes: {object: node/worker-1, condition: Ready}",
            KubernetesProbe("node/worker-1", namespace="shop", condition="Ready"),
        ),
        (
            "kubernetes: {object: pods, selector: app=x, condition: Ready, status: False}",
            KubernetesProbe("pods", namespace="shop", selector="app=x", condition="Ready", status="False"),
        ),
        ("command: [pg_isready, -h, db]", CommandProbe(("pg_isready", "-h", "db"))),
        ('command: [count], expect: ">= 3"', CommandProbe(("count",), expect=Comparison(">=", 3))),
        (
            "command: [check], expect: {exit_code: 3, matches: warm}",
            CommandProbe(("check",), exit_code=3, matches="warm"),
        ),
    ],
)
def test_looks(written, look):
    assert probe(f"{{name: a, {written}}}").look == look


def test_a_placeholder_is_kept_as_written_and_filled_in_by_nobody_here(monkeypatch):
    monkeypatch.setenv("SHOP_TOKEN", "s3cret")
    headers = "{Authorization: 'Bearer ${SHOP_TOKEN}'}"
    look = probe(f"{{name: a, http: {{url: http://shop/, headers: {headers}, body: '${{BODY}}'}}}}").look
    assert look.headers == {"Authorization": "Bearer ${SHOP_TOKEN}"}
    assert look.body == "${BODY}"


@pytest.mark.parametrize(
    ("written", "specs"),
    [
        ("- pod-delete", [FaultSpec("pod-delete", {})]),
        ("- pod-delete:", [FaultSpec("pod-delete", {})]),
        ("- pod-delete: {}", [FaultSpec("pod-delete", {})]),
        ("- pod-delete: {count: 2, grace: 0s}", [FaultSpec("pod-delete", {"count": 2, "grace": "0s"})]),
        (
            "- node-drain: {timeout: 60s}\n  - pod-delete: {percent: 12.5}",
            [FaultSpec("node-drain", {"timeout": "60s"}), FaultSpec("pod-delete", {"percent": 12.5})],
        ),
    ],
)
def test_faults_keep_their_parameters_as_written(written, specs):
    assert list(parse(faults=f"faults:\n  {written}\n").faults) == specs


@pytest.mark.parametrize(
    ("written", "condition"),
    [
        ("up < 0.5", AbortCondition("up", Comparison("<", 0.5))),
        ("up<50% for 1m30s", AbortCondition("up", Comparison("<", 0.5), 90.0)),
        ("up between 1 and 5 for 2s", AbortCondition("up", Comparison("between", 1, 5), 2.0)),
        ("gap between two pods > 5", AbortCondition("gap between two pods", Comparison(">", 5))),
        ("time for checkout != 0 for 2s", AbortCondition("time for checkout", Comparison("!=", 0), 2.0)),
    ],
)
def test_abort_conditions(written, condition):
    steady = f'steady_state:\n  - {{name: {condition.probe}, prometheus: up, expect: "== 1"}}\n'
    found = parse(
        steady=steady, times="duration: 5m\nrecover_within: 1m\n", more=f'abort_when: ["{written}"]\n'
    )
    assert found.abort_when == (condition,)


def test_schedules():
    assert parse(more="schedule: {window: night, every: 4h}\n").schedule == Schedule("night", 14400.0)
    assert parse(more="schedule: {cron: 0 10 * * 1-4}\n").schedule == Schedule(cron="0 10 * * 1-4")


def test_plain_words_of_yaml_1_1_are_text():
    text = TOP.replace("owner: o", "owner: no").replace("hypothesis: h", "hypothesis: 09:00")
    found = parse_experiment(text + TARGET + STEADY + FAULTS + TIMES, "e.yaml")
    assert (found.owner, found.hypothesis) == ("no", "09:00")


def test_aliases_within_reason_are_followed():
    first_entry = '{name: a, prometheus: &q up, expect: &e "== 1"}'
    steady = f"steady_state:\n  - {first_entry}\n  - {{name: b, prometheus: *q, expect: *e}}\n"
    first, second = parse(steady=steady).steady_state
    assert first.look == second.look


def test_a_mark_at_the_start_of_the_file_is_no_content(tmp_path):
    file = tmp_path / "e.yaml"
    file.write_text("\ufeff" + TOP + TARGET + STEADY + FAULTS + TIMES, encoding="utf-8")
    assert load_experiment(file).name == "x"


def test_the_parser_in_pure_python_gives_the_same(monkeypatch):
    import yaml

    with_library = parse()
    monkeypatch.setattr("windtunnel.files.tree._LOADER", yaml.SafeLoader)
    assert parse() == with_library
    with pytest.raises(FileError, match=r"^e\.yaml:4:1: is not YAML: "):
        parse_experiment(TOP + "\t" + TARGET, "e.yaml")


@given(text=st.text(alphabet=st.sampled_from(list("abx:-{}[]&*!#>|'\"\n\t %@`,?~.0159<=$"))) | st.text())
@example("? \n? ")
@example("a: !<tag:yaml.org,2002:binary> x")
@example("%YAML 3.0\n---\na: b")
@example("&a a: *a")
@example('a: "\\ud800"')
@settings(max_examples=100, deadline=None)
def test_any_text_at_all_is_an_experiment_or_a_clear_refusal(text):
    with pytest.raises(FileError) as caught:
        parse_experiment(text, "e.yaml")
    assert caught.value.problems
    assert all(line.startswith("e.yaml:") for line in str(caught.value).split("\n"))


junk = st.sampled_from(
    ["", "~", "[]", "{}", "5", "-1", "true", '""', "x", "[x]", "{a: b}", "09:00", ".nan", "'${'"]
)


@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_any_value_in_any_place_is_fine_or_refused(data):
    good = TOP + TARGET + STEADY + FAULTS + TIMES + "abort_when: [up < 1]\nschedule: {every: 4h}\n"
    values = [
        "deployment/checkout",
        "shop",
        '"== 1"',
        "up,",
        "{count: 1}",
        "60s",
        "[up < 1]",
        "4h",
        " h\n",
        " o\n",
    ]
    text = good.replace(
        data.draw(st.sampled_from(values)), data.draw(junk) + data.draw(st.sampled_from(["", ",", "\n"])), 1
    )
    try:
        parse_experiment(text, "e.yaml")
    except FileError as error:
        assert error.problems  # noqa: PT017 - most draws are refused, some are fine
