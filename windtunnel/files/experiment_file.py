"""The experiment file: text in, a frozen Experiment or every mistake out."""

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from windtunnel.files.document import Document, open_document
from windtunnel.files.experiment_form import ExperimentForm
from windtunnel.files.experiment_rules import (
    against_policy,
    broken_rules,
    in_namespace,
    needs_namespace,
    unfit,
    unfit_dependencies,
)
from windtunnel.files.messages import mistakes_of
from windtunnel.files.probe_form import CommandEntry, HttpEntry, KubernetesEntry, PrometheusEntry
from windtunnel.files.problems import MOST_MISTAKES, FileError, Mistake, Problem, written
from windtunnel.files.problems import Path as KeyPath
from windtunnel.files.reading import read_text
from windtunnel.model.experiment import (
    CommandProbe,
    Experiment,
    FaultSpec,
    Holds,
    HttpProbe,
    KubernetesProbe,
    Look,
    Probe,
    PrometheusProbe,
    Role,
    Schedule,
    Target,
)
from windtunnel.model.policy import Policy

_FAULT_DEPTH = 3  # faults[0].pod-delete may be without parameters


def load_experiment(path: Path, *, policy: Policy | None = None) -> Experiment:
    """Read an experiment file.

    Args:
        path: The file.
        policy: If given, what the experiment names must be in it (its window, its cluster).

    Raises:
        FileError: it cannot be used; an InputError with one line per problem.
    """
    return parse_experiment(read_text(path), str(path), policy=policy)


def parse_experiment(text: str, source: str, *, policy: Policy | None = None) -> Experiment:
    """Read an experiment from *text*; *source* names it in messages. Raises as load_experiment."""
    return experiment_of(open_document(text, source, may_be_empty=may_be_empty), policy=policy)


def may_be_empty(path: KeyPath) -> bool:
    """Say whether a key without a value is fine there: a fault without parameters."""
    return len(path) == _FAULT_DEPTH and path[0] == "faults"


def experiment_of(document: Document, *, policy: Policy | None = None) -> Experiment:
    """Return the experiment that *document* holds. Raises FileError with every mistake in it."""
    mistakes = list(islice(broken_rules(document.values), MOST_MISTAKES))
    form: ExperimentForm | None = None
    try:
        form = ExperimentForm.model_validate(document.values)
    except ValidationError as error:
        mistakes += mistakes_of(error, ExperimentForm, later={})
    document.require(_without_echoes(document, mistakes))
    assert form is not None, "validation gave neither a form nor an error"  # noqa: S101 - for the type checker
    experiment = _experiment(form, document.source)
    target = experiment.target
    document.require(
        [
            *needs_namespace(target, form.steady_state),
            *unfit_dependencies(target, form.dependencies),
        ]
    )
    document.require([*unfit(experiment), *(against_policy(experiment, policy) if policy else ())])
    return experiment


def check_against_policy(experiment: Experiment, policy: Policy) -> None:
    """Check that what *experiment* names is in *policy*, when both are values already.

    Raises:
        FileError: it is not; without line numbers, for which give the policy to `load_experiment`.
    """
    source = experiment.source or experiment.name
    found = [Problem(source, 0, 0, written(m.path), m.message) for m in against_policy(experiment, policy)]
    if found:
        raise FileError(found)


def _without_echoes(document: Document, mistakes: list[Mistake]) -> list[Mistake]:
    """Drop what is said of values that the YAML itself has wrong already."""
    return [m for m in mistakes if not any(m.path[: len(void)] == void for void in document.voids)]


def _experiment(form: ExperimentForm, source: str) -> Experiment:
    target = Target(
        namespace=form.target.namespace or "",
        workload=form.target.workload or "",
        selector=form.target.selector or "",
        nodes=form.target.nodes or "",
        cluster=form.target.cluster or "",
    )
    return Experiment(
        name=form.experiment,
        hypothesis=form.hypothesis,
        owner=form.owner,
        target=target,
        steady_state=tuple(_probe(entry, target) for entry in form.steady_state),
        faults=tuple(_fault(entry) for entry in form.faults),
        duration_s=form.duration,
        recover_within_s=form.recover_within,
        abort_when=tuple(form.abort_when),
        dependencies=tuple(in_namespace(name, target.namespace) for name in form.dependencies),
        schedule=Schedule(form.schedule.window or "", form.schedule.every, form.schedule.cron or ""),
        slack_channel=form.notify.slack or "",
        source=source,
    )


def _fault(entry: str | Mapping[str, Any]) -> FaultSpec:
    if isinstance(entry, str):
        return FaultSpec(entry, {})
    (name, parameters) = next(iter(entry.items()))
    return FaultSpec(name, parameters or {})


def _probe(entry: PrometheusEntry | HttpEntry | KubernetesEntry | CommandEntry, target: Target) -> Probe:
    return Probe(
        name=entry.name,
        look=_look(entry, target),
        role=Role(entry.role),
        holds=Holds(entry.holds),
        interval_s=entry.interval,
        timeout_s=entry.timeout,
    )


def _look(entry: PrometheusEntry | HttpEntry | KubernetesEntry | CommandEntry, target: Target) -> Look:
    match entry:
        case PrometheusEntry():
            return PrometheusProbe(query=entry.prometheus, expect=entry.expect)
        case HttpEntry():
            return HttpProbe(
                url=entry.http.url,
                method=entry.http.method,
                headers=entry.http.headers,
                body=entry.http.body or "",
                status=tuple(entry.expect.status),
                within_s=entry.expect.within,
                matches=entry.expect.matches or "",
            )
        case KubernetesEntry():
            asked = entry.kubernetes
            return KubernetesProbe(
                object=asked.object,
                namespace=entry.namespace or asked.namespace or target.namespace,
                selector=asked.selector or "",
                condition=asked.condition or "",
                status=asked.status or "True",
                ready=entry.expect,
            )
        case CommandEntry():
            return CommandProbe(
                argv=tuple(entry.command),
                exit_code=entry.expect.exit_code,
                matches=entry.expect.matches or "",
                expect=entry.expect.number,
            )
