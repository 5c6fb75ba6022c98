"""Rules about an experiment that no single value shows, over the plain values of its file.

They look at values that may be of any shape: what has the wrong shape is reported elsewhere and skipped here.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from windtunnel.faults import fault_names, fault_schema
from windtunnel.files.abort_words import abort_condition
from windtunnel.files.names import kind_of
from windtunnel.files.parameters import violations
from windtunnel.files.problems import Mistake, Path, did_you_mean, listed, what
from windtunnel.model.duration import format_duration
from windtunnel.model.experiment import (
    Abort,
    AbortCondition,
    Experiment,
    FailuresInARow,
    PercentileCondition,
    Role,
    Target,
)
from windtunnel.model.policy import Policy

BUILT_IN_CLUSTERS = ("lab",)
"""Cluster names that need no entry in a policy: the embedded one."""


def broken_rules(values: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield what is wrong across the entries of one file."""
    probes = values.get("steady_state")
    entries = (
        [(index, probe) for index, probe in enumerate(probes) if isinstance(probe, dict)]
        if isinstance(probes, list)
        else []
    )
    yield from _names_are_unique(entries)
    if entries and all(probe.get("role") == "load" for _, probe in entries):
        yield Mistake(("steady_state",), "all probes have the role load; at least one must be a steady state")
    yield from _conditions_have_probes(
        values.get("abort_when"), [str(probe.get("name")) for _, probe in entries]
    )
    yield from _faults(values.get("faults"))


def unfit(experiment: Experiment) -> Iterator[Mistake]:
    """Yield what is wrong among the values of an otherwise good experiment."""
    lasts = format_duration(experiment.duration_s)
    for index, probe in enumerate(experiment.steady_state):
        if probe.interval_s > experiment.duration_s:
            interval = format_duration(probe.interval_s)
            message = f"{interval} is longer than the duration ({lasts}), so it would hardly be looked at"
            yield Mistake(("steady_state", index, "interval"), message)
        elif probe.role is Role.STEADY and probe.interval_s > experiment.recover_within_s:
            bound = format_duration(experiment.recover_within_s)
            message = f"{format_duration(probe.interval_s)} is longer than recover_within ({bound}), "
            message += "so recovery would not be seen in time"
            yield Mistake(("steady_state", index, "interval"), message)
    for index, condition in enumerate(experiment.abort_when):
        waits_s = _waits_s(experiment, condition)
        if waits_s >= experiment.duration_s:
            hold = format_duration(waits_s)
            message = f"waits for {hold}, but the duration is {lasts}: it could never stop the run"
            yield Mistake(("abort_when", index), message)


def _waits_s(experiment: Experiment, condition: Abort) -> float:
    """Return how long after the injection a condition can hold at the earliest."""
    match condition:
        case AbortCondition():
            return condition.for_s
        case PercentileCondition():
            return condition.over_s
        case FailuresInARow():
            probes = {probe.name: probe for probe in experiment.steady_state}
            probe = probes.get(condition.probe)
            return (condition.times - 1) * probe.interval_s if probe else 0.0


def against_policy(experiment: Experiment, policy: Policy) -> Iterator[Mistake]:
    """Yield what *experiment* names that *policy* does not have, and what the policy asks of it."""
    where = policy.source or "the policy"
    window = experiment.schedule.window
    windows = list(dict.fromkeys(name for each in policy.stack for name in each.windows))
    if window and window not in windows:
        names = listed(windows, last="and") or "none"
        hint = did_you_mean(window, windows)
        yield Mistake(("schedule", "window"), f'"{window}" is no window of {where}, which has {names}{hint}')
    cluster = experiment.target.cluster
    if cluster and cluster not in policy.clusters and cluster not in BUILT_IN_CLUSTERS:
        known = (*policy.clusters, *BUILT_IN_CLUSTERS)
        hint = did_you_mean(cluster, known)
        names = listed(known, last="and")
        yield Mistake(("target", "cluster"), f'"{cluster}" is no cluster of {where}; known are {names}{hint}')
    probes = [probe.name for probe in experiment.steady_state]
    for condition in (condition for each in policy.stack for condition in each.abort_when):
        if condition.probe not in probes:
            message = f'{where} stops every run when "{condition}"; add a probe named "{condition.probe}"'
            yield Mistake(("steady_state",), message + did_you_mean(condition.probe, probes))


def needs_namespace(target: Target, entries: Any) -> Iterator[Mistake]:
    """Yield the kubernetes probes that can take no namespace from the target."""
    if target.namespace:
        return
    for index, entry in enumerate(entries):
        asked = getattr(entry, "kubernetes", None)
        if asked is None or not kind_of(asked.object).namespaced:
            continue
        if not (entry.namespace or asked.namespace):
            message = f"{asked.object} needs a namespace, because the target has none; add `namespace: NAME`"
            yield Mistake(("steady_state", index, "kubernetes"), message)


def unfit_dependencies(target: Target, written: Iterable[str]) -> Iterator[Mistake]:
    """Yield the dependencies that can take no namespace from the target, are the target, or come twice."""
    seen: dict[str, int] = {}
    for index, dependency in enumerate(written):
        whole = in_namespace(dependency, target.namespace)
        if whole.startswith("/"):
            message = f"{dependency} needs a namespace, because the target has none; write NAMESPACE{whole}"
        elif target.workload and whole == f"{target.namespace}/{target.workload}":
            message = f"{dependency} is the target itself, which is held in any case; remove it"
        elif whole in seen:
            message = f"{dependency} is dependencies[{seen[whole]}] too; remove one"
        else:
            seen[whole] = index
            continue
        yield Mistake(("dependencies", index), message)


def in_namespace(dependency: str, namespace: str) -> str:
    """Return a dependency with its namespace: the target's, where it names none."""
    return dependency if dependency.count("/") > 1 else f"{namespace}/{dependency}"


def _names_are_unique(entries: list[tuple[int, dict[str, Any]]]) -> Iterator[Mistake]:
    seen: dict[str, int] = {}
    for index, probe in entries:
        name = probe.get("name")
        if not isinstance(name, str):
            continue
        if name in seen:
            message = f'"{name}" is the name of steady_state[{seen[name]}] too; names must be unique'
            yield Mistake(("steady_state", index, "name"), message)
        seen.setdefault(name, index)


def _conditions_have_probes(conditions: Any, names: list[str]) -> Iterator[Mistake]:
    if not isinstance(conditions, list):
        return
    for index, written in enumerate(conditions):
        try:
            probe = abort_condition(written).probe
        except ValueError:
            continue  # reported where the value is read
        if probe not in names:
            message = (
                f"{what(probe)} is no probe of this experiment; it has {listed(names, last='and') or 'none'}"
            )
            yield Mistake(("abort_when", index), message + did_you_mean(probe, names))


def _faults(faults: Any) -> Iterator[Mistake]:
    if not isinstance(faults, list):
        return
    for index, entry in enumerate(faults):
        yield from _fault(entry, ("faults", index))


def _fault(entry: Any, path: Path) -> Iterator[Mistake]:
    if isinstance(entry, str):
        entry = {entry: None}
    if not isinstance(entry, dict) or len(entry) != 1:
        yield Mistake(
            path, f"must be one fault with its parameters, like `pod-delete: {{count: 1}}`{_several(entry)}"
        )
        return
    (name, parameters), known = next(iter(entry.items())), fault_names()
    if name not in known:
        message = f"is not a known fault; known are {listed(known, last='and')}{did_you_mean(name, known)}"
        yield Mistake((*path, name), message, at_key=True)
        return
    yield from violations({} if parameters is None else parameters, fault_schema(name), (*path, name))


def _several(entry: Any) -> str:
    if isinstance(entry, dict):
        return f"; it has the keys {listed(list(entry), last='and')}" if entry else "; it is empty"
    return f", not {what(entry)}"
