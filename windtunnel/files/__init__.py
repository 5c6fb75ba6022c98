"""The files users write: YAML in, frozen values or one clear error per mistake out.

Belongs here: parsing with line numbers, JSON Schema, importers of other tools' files. Does not belong here:
anything that asks a cluster, and any decision about whether a run may start (guardrails).
"""

from windtunnel.files.experiment_file import check_against_policy, load_experiment, parse_experiment
from windtunnel.files.policy_file import (
    find_policies,
    load_policies,
    load_policy,
    parse_policy,
    policy_paths,
    stacked,
)
from windtunnel.files.problems import FileError, Problem

__all__ = [
    "FileError",
    "Problem",
    "check_against_policy",
    "find_policies",
    "load_experiment",
    "load_policies",
    "load_policy",
    "parse_experiment",
    "parse_policy",
    "policy_paths",
    "stacked",
]
