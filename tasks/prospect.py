"""What is known of a run before anything is changed: all that facts are gathered from."""

from collections.abc import Callable, Mapping
from typing import Protocol

from tasks.planning import Plan
from windtunnel.clients.cluster import Cluster
from windtunnel.clients.targets import ResolvedTarget
from windtunnel.clock import Clock
from windtunnel.model.experiment import Experiment
from windtunnel.model.policy import Policy


class Prospect(Protocol):
    """A run that may begin: a live run before its injection, or a plan that never will inject."""

    run_id: str
    experiment: Experiment
    policy: Policy
    clock: Clock
    plans: tuple[Plan, ...]
    calendars: Mapping[str, str]  # the texts of the calendar files that came with the run, by path
    gatherers: (
        Mapping[str, Callable[..., object]] | None
    )  # by the name of the fact; None: those of tasks.facts

    @property
    def cluster(self) -> Cluster:
        """The target's cluster."""

    @property
    def target(self) -> ResolvedTarget:
        """What the target is now."""
