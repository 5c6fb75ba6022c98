"""`windtunnel validate` and `windtunnel schema`, as a user runs them."""

import json
import os
from pathlib import Path

import jsonschema
import pytest

from windtunnel.cli.entry import main
from windtunnel.faults import fault_names, fault_schema
from windtunnel.files import load_experiment
from windtunnel.files.checking import check
from windtunnel.files.document import open_document
from windtunnel.files.experiment_file import may_be_empty
from windtunnel.files.parameters import KNOWN_WORDS
from windtunnel.files.schema import experiment_schema, policy_schema

GOOD = """\
experiment: x
hypothesis: h
owner: o
target: {namespace: shop, workload: deployment/checkout}
steady_state:
  - {name: up, prometheus: up, expect: "== 1"}
faults:
  - pod-delete:
duration: 60s
recover_within: 30s
"""


@pytest.fixture
def windtunnel(monkeypatch, capsys, tmp_path):
    """Run the command line in an empty folder; return status, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()  # no policy from above

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["windtunnel", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return ended.value.code, said.out, said.err

    return run


def test_a_good_file_is_good(windtunnel, tmp_path):
    (tmp_path / "e.yaml").write_text(GOOD)
    assert windtunnel("validate", "e.yaml") == (
        0,
        "1 file checked, no problems (1 experiment, 0 policies).\n",
        "",
    )


def test_a_folder_is_searched_for_both_kinds_of_file_and_each_is_told_by_its_content(windtunnel, tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "one.yml").write_text(GOOD)
    (tmp_path / "two.yaml").write_text(GOOD)
    (tmp_path / "rules.yaml").write_text("timezone: UTC\n")
    (tmp_path / "readme.md").write_text("no YAML at all: [")
    (tmp_path / ".hidden.yaml").write_text("[")
    (tmp_path / "deep" / "loop").symlink_to(tmp_path)
    assert windtunnel("validate", ".", "two.yaml") == (
        0,
        "3 files checked, no problems (2 experiments, 1 policy).\n",
        "",
    )


def test_problems_of_all_files_are_reported_and_counted(windtunnel, tmp_path):
    (tmp_path / "a.yaml").write_text(GOOD.replace("60s", "60").replace("owner:", "ower:"))
    (tmp_path / "b.yaml").write_text(GOOD)
    (tmp_path / "c.yaml").write_text("timezone: Mars\n")
    status, out, _ = windtunnel("validate", ".")
    assert status == 2
    lines = out.splitlines()
    assert [line.split(" ")[0] for line in lines[:-1]] == ["a.yaml:3:1:", "a.yaml:9:11:", "c.yaml:1:11:"]
    assert lines[-1] == "3 problems in 2 of 3 files."


def test_json_has_every_problem_as_values(windtunnel, tmp_path):
    (tmp_path / "a.yaml").write_text(GOOD.replace("owner: o", "owner: 5"))
    (tmp_path / "b.yaml").write_text("caps: {}\n")
    status, out, _ = windtunnel("validate", "--json", "a.yaml", "b.yaml")
    assert status == 2
    problem = {
        "line": 3,
        "column": 8,
        "key": "owner",
        "message": "must be text, not the number 5; put it in quotes",
    }
    assert json.loads(out) == {
        "ok": False,
        "files": [
            {"path": "a.yaml", "kind": "experiment", "name": "x", "problems": [problem]},
            {"path": "b.yaml", "kind": "policy", "name": "", "problems": []},
        ],
    }


# --- files that are no files, or no text


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("exp.yaml", None, 'exp.yaml: there is no such file; did you mean "expo.yaml"?'),
        ("nowhere/e.yaml", None, "nowhere/e.yaml: there is no such file; nor is there a folder nowhere"),
        ("e.yaml", b"", "e.yaml:1:1: is empty"),
        ("e.yaml", b"a: \xff\n", "e.yaml:1:4: is not UTF-8 (byte 0xff); save it as UTF-8"),
        ("e.yaml", b"a: 1\nb: \xc3\xa9\xe9\n", "e.yaml:2:5: is not UTF-8 (byte 0xe9); save it as UTF-8"),
        ("e.yaml", "a: 1".encode("utf-16"), "e.yaml:1:1: is UTF-16; save it as UTF-8"),
        ("e.yaml", b"a: 1\n" * 2_000_000, "e.yaml: has 10.0 MB; the largest file that is read has 1 MB"),
        ("e\x1b[31m.yaml", b"", "e\\x1b[31m.yaml:1:1: is empty"),
        ("x" * 300 + ".yaml", None, f"{'x' * 300}.yaml: cannot be read: File name too long"),
    ],
)
def test_what_cannot_be_read_is_one_line(windtunnel, tmp_path, name, content, says):
    (tmp_path / "expo.yaml").write_text(GOOD)
    if content is not None:
        (tmp_path / name).write_bytes(content)
    status, out, _ = windtunnel("validate", name)
    assert (status, out.splitlines()) == (2, [says, "1 problem in 1 of 1 file."])


def test_a_folder_without_files_is_a_problem(windtunnel, tmp_path):
    (tmp_path / "empty").mkdir()
    status, out, _ = windtunnel("validate", "empty")
    assert (status, out.splitlines()[0]) == (2, "empty: the folder has no file that ends in .yaml or .yml")


def test_a_pipe_is_not_read(windtunnel, tmp_path):
    os.mkfifo(tmp_path / "e.yaml")
    status, out, _ = windtunnel("validate", "e.yaml")
    assert (status, out.splitlines()[0]) == (2, "e.yaml: is not a regular file")


def test_a_file_name_that_is_no_text_can_be_shown(windtunnel, tmp_path):
    name = os.fsdecode(b"\xff.yaml")
    (tmp_path / name).write_text("")
    status, out, _ = windtunnel("validate", "--json", name)
    assert (status, json.loads(out)["files"][0]["path"]) == (2, "\\xdcff.yaml")


def test_a_folder_is_no_experiment(tmp_path):
    with pytest.raises(Exception, match="is a folder; name a file in it"):
        load_experiment(tmp_path)


# --- what kind of file it is


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("apiVersion: v1\nkind: Pod\n", "is a Kubernetes manifest, not an experiment and not a policy"),
        ("campaign: c\nexperiment: x\n", "campaign files are not supported by this version"),
        ("gameday: g\n", "game day files are not supported by this version"),
        (
            "foo: bar\n",
            "is neither an experiment (key experiment) nor a policy (keys timezone, windows, caps...)",
        ),
    ],
)
def test_a_file_of_another_kind_is_refused_with_its_kind(windtunnel, tmp_path, text, says):
    (tmp_path / "a.yaml").write_text(text)
    assert windtunnel("validate", "a.yaml")[1].splitlines()[0] == f"a.yaml:1:1: {says}"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (GOOD.replace("experiment: x", "experimnt: x"), "experiment"),
        ("experimet: x\n", "experiment"),
        ("freeze: {}\n", "policy"),
        ("timezon: UTC\n", "policy"),
        ("abort_when: [up < 1]\ncaps: {}\n", "policy"),
    ],
)
def test_a_misspelt_file_is_still_told_by_its_other_keys(tmp_path, text, kind):
    (tmp_path / "a.yaml").write_text(text)
    assert next(check([tmp_path / "a.yaml"])).kind == kind


# --- against a policy


def test_the_closest_policy_is_used_unless_one_is_given(windtunnel, tmp_path):
    (tmp_path / "e.yaml").write_text(GOOD + "schedule: {window: night}\n")
    (tmp_path / "windtunnel.yaml").write_text("windows:\n  nigth: {days: Mon, from: 00:00, to: 04:00}\n")
    (tmp_path / "other.yaml").write_text("windows:\n  night: {days: Mon, from: 00:00, to: 04:00}\n")
    status, out, _ = windtunnel("validate", "e.yaml")
    assert status == 2
    assert 'schedule.window: "night" is no window of windtunnel.yaml' in out.replace(f"{tmp_path}/", "")
    assert windtunnel("validate", "e.yaml", "--policy", "other.yaml")[0] == 0


def test_a_broken_policy_is_reported_once_however_many_experiments_need_it(windtunnel, tmp_path):
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD)
    (tmp_path / "windtunnel.yaml").write_text("timezone: Mars\n")
    status, out, _ = windtunnel("validate", "a.yaml", "b.yaml")
    assert (status, out.splitlines()[-1]) == (2, "1 problem in 1 of 3 files.")
    assert windtunnel("validate", ".")[1].splitlines()[-1] == "1 problem in 1 of 3 files."
    status, out, _ = windtunnel("validate", "a.yaml", "--policy", "windtunnel.yaml", "--json")
    first = json.loads(out)["files"][0]
    assert (status, first["kind"], len(first["problems"])) == (2, "policy", 1)


# --- the schema


@pytest.mark.parametrize("kind", [[], ["experiment"], ["policy"]])
def test_the_schema_verb_prints_a_valid_schema(windtunnel, kind):
    status, out, _ = windtunnel("schema", *kind)
    document = json.loads(out)
    jsonschema.Draft202012Validator.check_schema(document)
    assert status == 0
    assert document["title"] == f"windtunnel {(kind or ['experiment'])[0]}"


def test_a_schema_of_something_else_is_refused(windtunnel):
    assert windtunnel("schema", "campaign")[0] == 2


def shipped():
    return sorted((Path(__file__).parents[2] / "experiments").rglob("*.yaml"))


@pytest.mark.parametrize("file", shipped(), ids=lambda file: file.name)
def test_every_shipped_file_is_accepted_by_parser_and_schema_alike(file):
    (checked,) = check([file])
    assert checked.problems == ()
    schema = experiment_schema() if checked.kind == "experiment" else policy_schema()
    values = open_document(file.read_text(), file.name, may_be_empty=may_be_empty).values
    assert list(jsonschema.Draft202012Validator(schema).iter_errors(values)) == []


@pytest.mark.parametrize(
    "change",
    [
        ("owner: o", "ownr: o"),
        ("owner: o", "owner: 5"),
        ("60s", "60"),
        ("prometheus: up", "promethues: up"),
        ("prometheus: up", "prometheus: up, http: http://x/"),
        ("pod-delete:", "pod-delete: {cuont: 1}"),
        ("pod-delete:", "pod-delet:"),
        ("  - pod-delete:", "  []"),
        ("role: x", "role: laod"),
    ],
)
def test_the_schema_refuses_what_the_parser_refuses(change):
    text = GOOD.replace('"== 1"}', '"== 1", role: x}' if change[0] == "role: x" else '"== 1"}').replace(
        *change
    )
    values = open_document(text, "e.yaml", may_be_empty=lambda _path: True).values
    assert not jsonschema.Draft202012Validator(experiment_schema()).is_valid(values)


def test_every_field_is_described_to_editors():
    for schema in (experiment_schema(), policy_schema()):
        for form in (schema, *schema["$defs"].values()):
            assert form["description"]
            described = [field.get("description", field.get("$ref")) for field in form["properties"].values()]
            assert all(described)  # a reference leads to a form, which is described itself


# --- the schemas of faults


def words_in(schema):
    """Yield every keyword that a schema uses, also in the schemas inside it."""
    for word, value in schema.items():
        yield word
        inside = value.values() if word == "properties" else value if isinstance(value, list) else [value]
        for part in inside:
            if isinstance(part, dict):
                yield from words_in(part)


@pytest.mark.parametrize("name", fault_names())
def test_the_schema_of_every_fault_uses_only_words_that_the_parser_honours(name):
    schema = fault_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert set(words_in(schema)) <= KNOWN_WORDS


def test_a_policy_that_is_given_is_added_to_those_that_are_found(windtunnel, tmp_path):
    (tmp_path / "e.yaml").write_text(GOOD)
    (tmp_path / "windtunnel.yaml").write_text("abort_when: [latency > 1]\n")
    (tmp_path / "more.yaml").write_text("abort_when: [errors > 1]\n")
    status, out, _ = windtunnel("validate", "e.yaml", "--policy", "more.yaml")
    assert status == 2
    assert 'add a probe named "errors"' in out
    assert 'add a probe named "latency"' in out


def test_a_policy_that_is_given_and_cannot_be_used_is_reported_once(windtunnel, tmp_path):
    (tmp_path / "e.yaml").write_text(GOOD)
    (tmp_path / "more.yaml").write_text("caps: {pods: many}\n")
    status, out, _ = windtunnel("validate", "e.yaml", "more.yaml", "--policy", "more.yaml")
    assert status == 2
    assert out.count("more.yaml:1:") == 1


def test_rights_are_not_computed_under_a_policy_that_cannot_be_used(windtunnel, tmp_path):
    (tmp_path / "e.yaml").write_text(GOOD)
    (tmp_path / "windtunnel.yaml").write_text("caps: {pods: many}\n")
    status, out, err = windtunnel("rbac", "e.yaml")
    assert (status, out) == (2, "")
    assert "windtunnel.yaml:1:" in err
