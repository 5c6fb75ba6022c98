"""The pages name everything that there is, their examples can be used, and their links lead somewhere."""

import ast
import re

import pytest
import yaml

from guardrails import CHAIN
from tasks.blast_radius import READS
from tests.unit.docs_blocks import PAGES, ROOT, blocks, page
from windtunnel.faults import FAULTS, fault_names
from windtunnel.files import parse_experiment, parse_policy
from windtunnel.files.experiment_form import ExperimentForm
from windtunnel.files.policy_form import PolicyForm
from windtunnel.model import experiment
from windtunnel.model.record import EventKind
from windtunnel.model.ticket import UndoState
from windtunnel.model.verdict import ExitCode, Verdict

EXAMPLES = [(name, text) for name in PAGES for text in blocks(name, "yaml")]
EXPERIMENT = blocks("README.md", "yaml")[0]
PROBES = [name.removesuffix("Probe").lower() for name in vars(experiment) if re.fullmatch(r"\w+Probe", name)]
LARGEST_IMAGE = 150_000


@pytest.mark.parametrize(("name", "text"), EXAMPLES)
def test_every_example_can_be_used(name, text):
    said = yaml.safe_load(text)
    keys = set(said) if isinstance(said, dict) else {"steady_state"}
    if keys <= set(PolicyForm.model_fields):
        parse_policy(text, name)
        return
    assert keys <= set(ExperimentForm.model_fields), keys
    if "experiment" in keys:
        parse_experiment(text, name)
        return
    part = said if isinstance(said, dict) else {"steady_state": said}
    rest = {key: value for key, value in yaml.safe_load(EXPERIMENT).items() if key != "abort_when"}
    parse_experiment(yaml.safe_dump(rest | part, sort_keys=False), name)


@pytest.mark.parametrize("name", [guardrail.NAME for guardrail in CHAIN])
def test_every_guardrail_is_explained_and_named_in_the_readme(name):
    assert f"\n## {name}\n" in page("docs/guardrails.md")
    assert f"`{name}`" in page("README.md")


@pytest.mark.parametrize("name", fault_names())
def test_every_fault_is_explained_with_its_parameters_and_named_in_the_readme(name):
    section = re.search(rf"^## {name}\n(.*?)^## ", page("docs/faults.md"), flags=re.DOTALL | re.MULTILINE)[1]
    assert [key for key in FAULTS[name].schema["properties"] if f"| `{key}` |" not in section] == []
    assert f"`{name}`" in page("README.md")


@pytest.mark.parametrize("name", fault_names())
def test_the_roles_of_the_documentation_give_every_right_of_a_fault(name):
    missing = [
        (verb, resource)
        for rule in (*FAULTS[name].rbac, *READS)
        for resource in rule.resources
        for verb in rule.verbs
        if (rule.api_group, resource, verb) not in granted(everywhere=rule.cluster_wide)
    ]
    assert missing == []


def granted(*, everywhere):
    """Return the (group, resource, verb) that docs/rbac.yaml grants: on the whole cluster, or in "shop"."""
    parts = list(yaml.safe_load_all(page("docs/rbac.yaml")))
    kinds = {"ClusterRoleBinding"} if everywhere else {"ClusterRoleBinding", "RoleBinding"}
    bound = {
        part["roleRef"]["name"]
        for part in parts
        if part["kind"] in kinds and part["metadata"].get("namespace") in {None, "shop"}
    }
    return {
        (group, resource, verb)
        for part in parts
        if part["kind"] == "ClusterRole" and part["metadata"]["name"] in bound
        for rule in part["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_every_kind_of_probe_is_explained_and_named_in_the_readme():
    assert [kind for kind in PROBES if f"\n## {kind}\n" not in page("docs/probes.md")] == []
    assert [kind for kind in PROBES if f"`{kind}`" not in page("README.md")] == []


@pytest.mark.parametrize("name", ["README.md", "docs/cli.md"])
def test_every_exit_status_is_in_the_table(name):
    rows = dict(re.findall(r"^\| (\d) \| (.*?) \|$", page(name), flags=re.MULTILINE))
    assert set(rows) == {str(int(code)) for code in ExitCode}
    for code in ExitCode:
        assert code.name.split("_")[0].lower() in rows[str(int(code))]


def test_every_verdict_and_every_end_of_an_undo_is_explained():
    text = page("docs/verdicts.md")
    assert [word for word in (*Verdict, *UndoState) if f"`{word}`" not in text] == []
    assert [v for v in Verdict if v.replace("_", " ").title().replace(" ", "") not in text] == []


def test_every_kind_of_event_is_in_the_table_of_the_record():
    assert [kind for kind in EventKind if f"`{kind}`" not in page("docs/record.md")] == []


def test_every_environment_variable_that_is_read_is_explained():
    found = {name for top in ("windtunnel", "tasks", "flows") for name in environment_of(top)}
    assert {"WINDTUNNEL_HOME", "SLACK_BOT_TOKEN", "PREFECT_API_URL", "KUBECONFIG"} <= found
    assert [name for name in sorted(found) if f"`{name}`" not in page("docs/cli.md")] == []


def environment_of(top):
    """Yield the names that the code of a package asks os.environ for."""
    for file in sorted((ROOT / top).rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        tree = ast.parse(text if "environ" in text else "")
        constants = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            asked = asked_of_environ(node)
            if isinstance(asked, ast.Constant):
                yield asked.value
            elif isinstance(asked, ast.Name) and asked.id in constants:
                yield constants[asked.id]


def asked_of_environ(node):
    """Return what is looked up in `os.environ[...]` or `os.environ.get(...)`, or None."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        return node.slice if ast.unparse(node.value) == "os.environ" else None
    if isinstance(node, ast.Call) and ast.unparse(node.func) in {"os.environ.get", "os.getenv"}:
        return node.args[0]
    return None


@pytest.mark.parametrize("name", [*PAGES, "CONTRIBUTING.md", "CHANGELOG.md"])
def test_every_link_within_the_project_leads_somewhere(name):
    for link in re.findall(r"\]\(([^)\s]+)\)", page(name)):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        assert file.exists(), link
        assert not anchor or anchor in anchors(file), link


def anchors(file):
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_can_be_reached_from_the_readme():
    linked = set(re.findall(r"\]\((docs/[\w-]+\.md)", page("README.md")))
    assert linked == {name for name in PAGES if name.startswith("docs/")}


def test_images_are_small_and_all_are_used():
    used = "".join(page(name) for name in PAGES)
    for image in sorted((ROOT / "docs" / "images").iterdir()):
        assert f"images/{image.name})" in used
        assert image.stat().st_size < LARGEST_IMAGE
