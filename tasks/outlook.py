"""A run that is only looked ahead to: what a live run knows before it injects, and no way to inject."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tasks.planning import Plan
from windtunnel.clients.cluster import Cluster
from windtunnel.clients.targets import ResolvedTarget
from windtunnel.clock import Clock
from windtunnel.faults import load_fault
from windtunnel.faults.rehearsal import rehearsed
from windtunnel.faults.shape import Fault
from windtunnel.model.experiment import Experiment
from windtunnel.model.policy import Policy
from windtunnel.probes.placeholders import Fetched


@dataclass(slots=True)
class Outlook:
    """What `tasks.prospect.Prospect` asks for, with faults that are rehearsed."""

    run_id: str
    experiment: Experiment
    policy: Policy
    clock: Clock
    rng: random.Random
    calendars: Mapping[str, str] = field(default_factory=dict)
    gatherers: Mapping[str, Callable[..., object]] | None = None
    secrets: Fetched = field(default_factory=dict)
    plans: tuple[Plan, ...] = ()
    load_fault: Callable[[str], Fault] = lambda name: rehearsed(load_fault(name))
    found_cluster: Cluster | None = None
    found_target: ResolvedTarget | None = None

    @property
    def cluster(self) -> Cluster:
        """The target's cluster, once it was connected to."""
        assert self.found_cluster is not None, "the target was not looked for yet"  # noqa: S101
        return self.found_cluster

    @cluster.setter
    def cluster(self, cluster: Cluster) -> None:
        self.found_cluster = cluster

    @property
    def target(self) -> ResolvedTarget:
        """What the target is now, once it was looked for."""
        assert self.found_target is not None, "the target was not looked for yet"  # noqa: S101
        return self.found_target

    @target.setter
    def target(self, target: ResolvedTarget) -> None:
        self.found_target = target
