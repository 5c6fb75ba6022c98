"""Checking many files: which there are, what each of them is, and everything that is wrong with them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from windtunnel.files.document import Document, open_document
from windtunnel.files.experiment_file import experiment_of, may_be_empty
from windtunnel.files.experiment_form import ExperimentForm
from windtunnel.files.policy_file import load_policy, policy_of, policy_paths, stacked
from windtunnel.files.policy_form import LATER, PolicyForm
from windtunnel.files.problems import FileError, Problem, nearest
from windtunnel.files.reading import read_text
from windtunnel.model.policy import Policy

EXPERIMENT, POLICY, UNKNOWN = "experiment", "policy", ""
_SUFFIXES = (".yaml", ".yml")
_NOT_YET = {"campaign": "campaign", "gameday": "game day"}
_POLICY_KEYS = frozenset(PolicyForm.model_fields) | frozenset(LATER) - {"schedule"}
_ONLY_EXPERIMENT_KEYS = frozenset(ExperimentForm.model_fields) - _POLICY_KEYS


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """One file: what it is (empty when that cannot be told), its name, and what is wrong with it."""

    path: str
    kind: str
    name: str = ""
    problems: tuple[Problem, ...] = ()


@dataclass(slots=True)
class Policies:
    """The policies that each experiment is checked against: the file given, and those beside and above it.

    One that cannot be used is remembered in *broken*, to be reported once.
    """

    given: Path | None = None
    broken: set[Path] = field(default_factory=set)
    _by_folder: dict[Path, Policy | None] = field(default_factory=dict)

    def policy_for(self, path: Path) -> Policy | None:
        """Return the policy for the file *path*; None if there is none, or it cannot be used."""
        folder = path.absolute().parent
        if folder not in self._by_folder:
            self._by_folder[folder] = self._load(policy_paths(path, given=self.given))
        return self._by_folder[folder]

    def _load(self, paths: Iterable[Path]) -> Policy | None:
        found = []
        for path in paths:
            try:
                found.append(load_policy(path))
            except FileError:
                self.broken.add(path)
        return stacked(found) if found else None


def files_in(path: Path) -> Iterator[Path]:
    """Yield *path*, or the YAML files in the folder *path* and below, in order; hidden ones are left out."""
    if not path.is_dir():
        yield path
        return
    for entry in sorted(path.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():  # a link may lead back here
            yield from files_in(entry)
        elif entry.suffix in _SUFFIXES and entry.is_file():
            yield entry


def check(paths: Iterable[Path], *, policy: Path | None = None) -> Iterator[CheckedFile]:
    """Check every file that *paths* name, each once, and the policies that they need, *policy* among them.

    A folder without any file is a problem, too.
    """
    policies = Policies(policy)
    seen: set[Path] = set()
    if policy:
        seen.add(policy.absolute())
        yield check_policy(policy)
    for path in paths:
        try:
            files = list(files_in(path))
        except OSError as error:
            yield _unreadable(path, f"cannot be read: {error.strerror}")
            continue
        if not files:
            yield _unreadable(path, f"the folder has no file that ends in {' or '.join(_SUFFIXES)}")
        for file in files:
            if file.absolute() not in seen:
                seen.add(file.absolute())
                yield check_file(file, policies)
    yield from (check_policy(found) for found in sorted(policies.broken) if found.absolute() not in seen)


def check_file(path: Path, policies: Policies) -> CheckedFile:
    """Check one file by what it contains."""
    kind, name = UNKNOWN, ""
    try:
        document = open_document(read_text(path), str(path), may_be_empty=may_be_empty)
        kind, name = kind_of(document), str(document.values.get("experiment") or "")
        if kind == POLICY:
            policy_of(document)
        else:
            experiment_of(document, policy=policies.policy_for(path))
    except FileError as error:
        return CheckedFile(str(path), kind, name, error.problems)
    return CheckedFile(str(path), kind, name)


def check_policy(path: Path) -> CheckedFile:
    """Check the file *path* as a policy, whatever it contains."""
    try:
        load_policy(path)
    except FileError as error:
        return CheckedFile(str(path), POLICY, problems=error.problems)
    return CheckedFile(str(path), POLICY)


def kind_of(document: Document) -> str:
    """Tell an experiment from a policy by their keys.

    Raises:
        FileError: it is neither.
    """
    keys = list(document.values)
    if "experiment" in keys and not _NOT_YET.keys() & set(keys):
        return EXPERIMENT
    for key, what in _NOT_YET.items():
        if key in keys:
            raise _neither(document, f"{what} files are not supported by this version")
    if {"apiVersion", "kind"} & set(keys):
        raise _neither(document, "is a Kubernetes manifest, not an experiment and not a policy")
    as_experiment, as_policy = len(_ONLY_EXPERIMENT_KEYS & set(keys)), len(_POLICY_KEYS & set(keys))
    if as_experiment or any(nearest(key, ["experiment"]) for key in keys):
        return EXPERIMENT
    if as_policy or any(nearest(key, _POLICY_KEYS) for key in keys):
        return POLICY
    raise _neither(
        document, "is neither an experiment (key experiment) nor a policy (keys timezone, windows, caps...)"
    )


def _unreadable(path: Path, message: str) -> CheckedFile:
    return CheckedFile(str(path), UNKNOWN, problems=(Problem(str(path), 0, 0, "", message),))


def _neither(document: Document, message: str) -> FileError:
    return FileError([Problem(document.source, document.root.line, document.root.column, "", message)])
