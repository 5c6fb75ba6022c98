"""What a policy file (windtunnel.yaml) says, as frozen values. It wins over every experiment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Self

from windtunnel.model.experiment import Abort
from windtunnel.model.rule_sources import (
    Alertmanager,
    CalendarSource,
    ErrorBudget,
    Freeze,
    HealthQuery,
    PagerDuty,
)


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
    percent: float = 50.0  # of the target's pods, rounded down
    nodes: int = 1
    namespaces: int = 1
    zones: int = 1  # in which pods or nodes are hit, by topology.kubernetes.io/zone
    duration_s: float = 600.0
    concurrent_runs: int = 1
    runs_per_day: int | None = None  # on one cluster, in the policy's days; None: no limit


@dataclass(frozen=True, slots=True)
class Protected:
    """What is never hit, whatever an experiment says."""

    namespaces: frozenset[str] = frozenset({"kube-system", "kube-public", "kube-node-lease"})
    services: frozenset[str] = frozenset()
    labels: tuple[str, ...] = ()  # selectors over the labels of namespaces, workloads, pods and nodes


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
    calendars: tuple[CalendarSource, ...] = ()  # each entry is a blackout
    freeze: Freeze | None = None
    caps: Caps = Caps()
    min_interval_s: float = 0.0  # between two runs that hit the same thing
    last_replica: frozenset[str] = frozenset()  # "shop/deployment/checkout": whose last ready pod may be hit
    pagerduty: PagerDuty | None = None
    alertmanager: Alertmanager | None = None
    error_budget: ErrorBudget | None = None
    health: tuple[HealthQuery, ...] = ()
    blind_after_s: float = 30.0  # a run stops when a probe has not answered for so long
    opt_in: str = "windtunnel.dev/enabled=true"  # selector over labels of workload or namespace
    protected: Protected = Protected()
    abort_when: tuple[Abort, ...] = ()
    clusters: Mapping[str, ClusterEntry] = field(default_factory=dict)
    prometheus_url: str = ""
    slack_channel: str = ""
    source: str = ""  # the file it came from; empty: built-in defaults
    ceiling: Self | None = None  # a policy above this one, whose every rule holds as well

    @property
    def stack(self) -> tuple[Self, ...]:
        """Return this policy and those above it, the nearest first. A run must satisfy each of them."""
        return (self, *(self.ceiling.stack if self.ceiling else ()))
