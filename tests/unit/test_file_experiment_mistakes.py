"""Every class of bad input of an experiment file, with the exact line that it gets."""

from pathlib import Path

import pytest
import yaml

from windtunnel.cli.entry import main
from windtunnel.files import FileError, parse_experiment

GOOD = """\
experiment: checkout-survives
hypothesis: Customers do not notice when a pod dies.
owner: payments-sre
target:
  namespace: shop
  workload: deployment/checkout
steady_state:
  - name: ratio
    prometheus: sum(rate(x[15s]))
    expect: ">= 0.99"
  - name: front page
    http: http://shop:8080/
    expect: {status: 200, within: 500ms}
    interval: 250ms
  - name: traffic
    prometheus: sum(rate(y[15s]))
    expect: "> 5"
    role: load
faults:
  - pod-delete: {count: 1}
duration: 60s
recover_within: 30s
abort_when:
  - ratio < 0.90 for 5s
"""
MISTAKES = yaml.safe_load(
    (Path(__file__).parent / "data" / "experiment_mistakes.yaml").read_text(encoding="utf-8")
)
each_mistake = pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())


def bad_file(mistake):
    assert mistake["replace"] in GOOD
    return GOOD.replace(mistake["replace"], mistake["by"], 1)


@each_mistake
def test_each_mistake_is_one_line_with_its_place(mistake):
    with pytest.raises(FileError) as caught:
        parse_experiment(bad_file(mistake), "e.yaml")
    assert str(caught.value).splitlines() == [f"e.yaml:{line}" for line in mistake["says"].splitlines()]


@each_mistake
def test_each_mistake_ends_validate_with_2_and_no_traceback(mistake, tmp_path, monkeypatch, capsys):
    file = tmp_path / "e.yaml"
    file.write_text(bad_file(mistake))
    monkeypatch.setattr("sys.argv", ["windtunnel", "validate", str(file)])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert said.out.splitlines()[-1].endswith(" in 1 of 1 file.")
    assert all(line.startswith(str(file)) for line in said.out.splitlines()[:-1])
    assert not said.err


def test_the_good_file_is_good():
    assert parse_experiment(GOOD, "e.yaml").name == "checkout-survives"


def test_all_mistakes_are_reported_in_the_order_of_the_file():
    text = (
        GOOD.replace("owner: payments-sre", "ownr: payments-sre")
        .replace("deployment/checkout", "checkout")
        .replace("500ms", "500")
        .replace("pod-delete", "pod-kill")
        .replace("duration: 60s", "duration: soon")
        .replace("ratio < 0.90", "rate < 0.90")
    )
    with pytest.raises(FileError) as caught:
        parse_experiment(text, "e.yaml")
    assert [problem.key for problem in caught.value.problems] == [
        "ownr",
        "target.workload",
        "steady_state[1].expect.within",
        "faults[0].pod-kill",
        "duration",
        "abort_when[0]",
    ]
    assert [problem.line for problem in caught.value.problems] == [3, 6, 13, 20, 21, 24]


def test_at_least_one_probe_must_be_steady():
    text = GOOD.replace("    interval: 250ms\n", "    role: load\n").replace(
        '    expect: ">= 0.99"\n', '    expect: ">= 0.99"\n    role: load\n'
    )
    with pytest.raises(FileError, match="all probes have the role load; at least one must be a steady state"):
        parse_experiment(text, "e.yaml")


def test_a_channel_without_quotes_in_braces_gets_a_hint():
    with pytest.raises(FileError, match="an unquoted # starts a comment, so put the text in quotes"):
        parse_experiment(GOOD + "notify: {slack: #ops}\n", "e.yaml")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "1:1: is empty"),
        ("# nothing\n", "1:1: is empty"),
        ("[]", "1:1: must be a mapping, like `experiment: name`"),
        ("only text", "1:1: must be a mapping, like `experiment: name`"),
        ("a: " + "[" * 100_000, "1:35: is nested more than 32 levels deep"),
        ("a: " + "{a: " * 1000, "1:128: is nested more than 32 levels deep"),
        ("a: [" + "x," * 30_000 + "]", "1:39999: has more than 20000 values"),
        ("\x00", "1:1: is not YAML: control characters are not allowed"),
    ],
)
def test_what_is_no_experiment_at_all_is_one_line(text, line):
    with pytest.raises(FileError) as caught:
        parse_experiment(text, "e.yaml")
    assert str(caught.value) == f"e.yaml:{line}"


def test_an_alias_bomb_is_refused_before_it_unfolds():
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 10))
    with pytest.raises(FileError, match="its aliases repeat values until there are more than 20000"):
        parse_experiment("l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n" + levels, "e.yaml")


def test_aliases_that_nest_too_deeply_are_refused():
    levels = "".join(f"l{n}: &l{n} [*l{n - 1}]\n" for n in range(1, 60))
    with pytest.raises(FileError, match="its aliases nest more than 32 levels deep"):
        parse_experiment("l0: &l0 [x]\n" + levels, "e.yaml")


def test_a_message_is_one_line_whatever_the_file_holds():
    nasty = '"two\\nlines \\e[31m and ' + "very " * 500 + 'long"'
    for place in ("60s", "deployment/checkout", '">= 0.99"', "ratio < 0.90 for 5s"):
        with pytest.raises(FileError) as caught:
            parse_experiment(GOOD.replace(place, nasty, 1), "e\n.yaml")
        lines = str(caught.value).split("\n")
        assert len(lines) == len(caught.value.problems)
        assert all(line.isprintable() and len(line) < 800 for line in lines)


def test_a_file_full_of_mistakes_is_answered_with_some_of_them():
    text = GOOD + "".join(f"kye{n}: 1\n" for n in range(5000))
    with pytest.raises(FileError) as caught:
        parse_experiment(text, "e.yaml")
    assert len(caught.value.problems) == 101
    assert str(caught.value.problems[0]) == "e.yaml:1:1: has 5000 problems, of which not all are shown"


@pytest.mark.parametrize("bracket", ["(", "(?:", "["])
def test_a_regular_expression_of_any_size_is_read_or_refused(bracket):
    for length in (300, 2000):
        with pytest.raises(FileError, match=r"is not a regular expression|characters; 1000 are enough"):
            parse_experiment(GOOD.replace("status: 200", f"matches: '{bracket * length}'"), "e.yaml")
