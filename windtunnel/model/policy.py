"""What a policy file (windtunnel.yaml) says, as frozen values. It wins over every experiment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time

from windtunnel.model.experiment import AbortCondition


@dataclass(frozen=True, slots=True)
class Window:
    """Weekly hours, half-open [start, end), in the policy's time zone.

    *days* are ISO weekdays (Monday is 1) on which the window starts; an end at or before the start lies on
    the next day and still belongs to the day it started. `end=None` means midnight at the end of the day.
    """

    name: str
    days: frozenset[int]
    start: time
    end: time | None
    timezone: str


@dataclass(frozen=True, slots=True)
class Blackout:
    """Whole days or instants [start, end) in which nothing runs. A date as end includes that day."""

    start: date | datetime
    end: date | datetime
    reason: str
    timezone: str


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that any run may do. An experiment can ask for less, never for more."""

    pods: int = 1
    percent: float = 50.0  # of the target's pods, rounded down but never below one pod
    nodes: int = 1
    duration_s: float = 600.0
    concurrent_runs: int = 1


@dataclass(frozen=True, slots=True)
class Protected:
    """What is never hit, whatever an experiment says."""

    namespaces: frozenset[str] = frozenset({"kube-system", "kube-public", "kube-node-lease"})
    services: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ClusterEntry:
    """How to reach one named cluster and its Prometheus. Empty fields fall back to the usual places."""

    name: str
    kubeconfig: str = ""
    context: str = ""
    prometheus_url: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """One installation's rules. The defaults are the strictest that still let a first experiment run."""

    timezone: str = "UTC"
    windows: Mapping[str, Window] = field(default_factory=dict)
    blackouts: tuple[Blackout, ...] = ()
    caps: Caps = Caps()
    opt_in: str = "windtunnel.dev/enabled=true"  # selector over labels of workload or namespace
    protected: Protected = Protected()
    abort_when: tuple[AbortCondition, ...] = ()
    clusters: Mapping[str, ClusterEntry] = field(default_factory=dict)
    prometheus_url: str = ""
    slack_channel: str = ""
    source: str = ""  # the file it came from; empty: built-in defaults
