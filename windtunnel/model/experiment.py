"""What an experiment file says, as frozen values. Durations are seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from windtunnel.model.comparison import Comparison


class Role(StrEnum):
    """What a probe is for."""

    STEADY = "steady"  # must hold; a miss deviates
    LOAD = "load"  # proves that there is traffic; a miss makes the run inconclusive


class Holds(StrEnum):
    """When a steady-state probe must hold."""

    THROUGHOUT = "throughout"  # from injection to the end: users must not notice
    AFTER = "after"  # once the fault is undone and the recovery bound has passed: users may notice, briefly


@dataclass(frozen=True, slots=True)
class Target:
    """What may be hit. Exactly one of *workload* and *selector* is set, or neither for a fault on nodes."""

    namespace: str = ""
    workload: str = ""  # "deployment/checkout", "statefulset/db", "daemonset/agent"
    selector: str = ""  # a Kubernetes label selector over pods (or over nodes for a node fault)
    nodes: str = ""  # a label selector over nodes, or "node/NAME"
    cluster: str = ""  # a name from the policy's clusters; empty: the current kube context

    def __str__(self) -> str:
        what = self.workload or (f"pods {self.selector}" if self.selector else "") or f"nodes {self.nodes}"
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{what}{where}" + (f" on {self.cluster}" if self.cluster else "")


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """GET (or another method) of a URL; ok when status, latency and body are as expected."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    status: tuple[int, ...] = (200,)
    within_s: float | None = None  # latency bound; slower is a miss, not an error
    matches: str = ""  # a regular expression searched in the answer's text


@dataclass(frozen=True, slots=True)
class PrometheusProbe:
    """An instant query that must give exactly one number, compared with *expect*."""

    query: str
    expect: Comparison


@dataclass(frozen=True, slots=True)
class KubernetesProbe:
    """A workload's readiness, or a condition of any object.

    With *condition* empty, *object* is a workload and must be ready: all replicas updated and ready, or
    *ready* ready replicas when that is given. Otherwise the named condition must have *status*.
    """

    object: str  # "deployment/checkout", "node/worker-1", "pods" with a selector
    namespace: str = ""
    selector: str = ""
    condition: str = ""
    status: str = "True"
    ready: Comparison | None = None


@dataclass(frozen=True, slots=True)
class CommandProbe:
    """A program started without a shell; ok when its exit status is *exit_code* and its output matches."""

    argv: tuple[str, ...]
    exit_code: int = 0
    matches: str = ""  # a regular expression searched in standard output
    expect: Comparison | None = None  # standard output read as one number


Look = HttpProbe | PrometheusProbe | KubernetesProbe | CommandProbe


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing that is looked at, before, during and after the fault."""

    name: str
    look: Look
    role: Role = Role.STEADY
    holds: Holds = Holds.THROUGHOUT
    interval_s: float = 1.0  # between the starts of two looks
    timeout_s: float = 5.0  # a look that takes longer has not answered


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """A fault by name with its parameters as written; the fault's own schema has checked them."""

    name: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AbortCondition:
    """Stop when *probe*'s value satisfies *condition* for *for_s* seconds without a break.

    A probe that cannot answer for *for_s* seconds satisfies it too: what cannot be seen must stop.
    """

    probe: str
    condition: Comparison
    for_s: float = 0.0

    def __str__(self) -> str:
        held = f" for {self.for_s:g}s" if self.for_s else ""
        return f"{self.probe} {self.condition}{held}"


@dataclass(frozen=True, slots=True)
class FailuresInARow:
    """Stop when *times* looks of *probe* in a row missed or had no answer."""

    probe: str
    times: int

    def __str__(self) -> str:
        return f"{self.probe} fails {self.times} times"


@dataclass(frozen=True, slots=True)
class PercentileCondition:
    """Stop when a percentile of *probe*'s values over the last *over_s* seconds satisfies *condition*.

    The percentile is the nearest rank (Hyndman and Fan, 1996, type 1), judged once *over_s* seconds have
    passed since the injection. Looks without an answer count as worse than any value.
    """

    probe: str
    percentile: float  # above 0, up to 100
    condition: Comparison  # one of <, <=, > and >=
    over_s: float

    def __str__(self) -> str:
        return f"p{self.percentile:g} of {self.probe} {self.condition} over {self.over_s:g}s"


Abort = AbortCondition | FailuresInARow | PercentileCondition


@dataclass(frozen=True, slots=True)
class Schedule:
    """When an experiment may run and how often it is meant to. Only *window* is a rule."""

    window: str = ""  # a name from the policy's windows
    every_s: float | None = None
    cron: str = ""


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment, checked: names are unique, durations positive, references resolve."""

    name: str
    hypothesis: str
    owner: str
    target: Target
    steady_state: tuple[Probe, ...]
    faults: tuple[FaultSpec, ...]
    duration_s: float  # how long the fault is observed, from the first injection
    recover_within_s: float  # how long after undo the steady state may take to hold again
    abort_when: tuple[Abort, ...] = ()
    dependencies: tuple[str, ...] = ()  # "shop/deployment/catalog": nobody else may hit these meanwhile
    schedule: Schedule = Schedule()
    slack_channel: str = ""
    source: str = ""  # the file it came from, for messages
