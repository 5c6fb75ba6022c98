"""The documentation of files and guardrails says what the code does."""

import re
from pathlib import Path

import pytest

from guardrails import CHAIN, KEYS
from guardrails.protected import ALWAYS
from windtunnel.files import parse_experiment, parse_policy
from windtunnel.files.experiment_form import ExperimentForm
from windtunnel.files.policy_form import LATER, PolicyForm

DOCS = Path(__file__).parents[2] / "docs"


def page(name):
    return (DOCS / name).read_text(encoding="utf-8")


def examples(name):
    return re.findall(r"```yaml\n(.*?)```", page(name), flags=re.DOTALL)


def test_the_experiment_and_the_policy_of_the_documentation_fit_together():
    policy = parse_policy(
        examples("policy-file.md")[0].replace("error rate", "success ratio"), "policy-file.md"
    )
    experiment = parse_experiment(examples("experiment-file.md")[0], "experiment-file.md", policy=policy)
    assert experiment.schedule.window in policy.windows


@pytest.mark.parametrize("file", ["experiment-file.md", "probes.md"])
def test_every_documented_probe_can_be_used(file):
    whole = examples("experiment-file.md")[0]
    before, after = (
        whole[: whole.index("steady_state:")],
        whole[whole.index("faults:") : whole.index("abort_when:")],
    )
    entries = [text for text in examples(file) if text.startswith("- name:")]
    assert entries
    for text in entries:
        parse_experiment(f"{before}steady_state:\n{text}{after}", file)


@pytest.mark.parametrize(
    ("form", "file"), [(ExperimentForm, "experiment-file.md"), (PolicyForm, "policy-file.md")]
)
def test_every_key_is_in_the_table(form, file):
    rows = re.findall(r"^\| `(\w+)` \|", page(file), flags=re.MULTILINE)
    assert set(form.model_fields) <= set(rows)


def test_every_rule_of_a_later_version_is_named():
    assert all(f"`{key}`" in page("policy-file.md") for key in LATER)


def test_every_guardrail_has_its_section():
    sections = re.findall(r"^## (\w+)$", page("guardrails.md"), flags=re.MULTILINE)
    assert [guard.NAME for guard in CHAIN] == sections[: len(CHAIN)]


def test_what_is_always_protected_and_how_long_facts_last_is_told():
    text = page("guardrails.md")
    assert all(f"`{name}`" in text for name in ALWAYS)
    assert all(f"{key.max_age_s:.0f} s for" in text for key in KEYS)
