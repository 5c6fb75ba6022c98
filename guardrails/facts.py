"""What the guardrails may know of the outside world: a frozen snapshot, each fact with its own time.

Whoever gathers facts (a task) puts a `Fact` under the name of each key below; a fact that could not be
observed is put there with its error. Here nothing is looked up: what is missing, failed or too old is
`Unusable`, and a guardrail that meets it answers UNKNOWN, which refuses.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from windtunnel.model.decision import Fact

Value = TypeVar("Value")
CLOCK_SKEW_S = 5.0  # a fact from further in the future than this was stamped by a wrong clock


@dataclass(frozen=True, slots=True)
class FactKey(Generic[Value]):
    """Name, type and longest useful age (seconds) of one fact."""

    name: str
    type: type[Value]
    max_age_s: float


@dataclass(frozen=True, slots=True)
class Unusable:
    """Why a fact cannot be relied on, as half a sentence: "the safety lever was last read 40s ago"."""

    reason: str


@dataclass(frozen=True, slots=True)
class HaltLever:
    """The safety lever as it was read. A time is None when the lever is released or nobody wrote it down."""

    pulled: bool
    reason: str = ""
    by: str = ""
    pulled_at: datetime | None = None
    until: datetime | None = None
    where: str = ""  # the places in which it is pulled


@dataclass(frozen=True, slots=True)
class WorkloadState:
    """A workload, or a pod that nothing owns, of which pods may be hit.

    *ready* counts the pods that take traffic now, *planned* those of them that would be hit; *trouble* says
    what is the matter with it at this moment, and is empty when nothing is.
    """

    ready: int
    planned: int = 0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Disruption:
    """One disruption budget that covers pods to be hit. A *stale* one is behind its own latest form."""

    budget: str  # "shop/checkout"
    allowed: int
    needed: int
    stale: bool = False


@dataclass(frozen=True, slots=True)
class TargetSummary:
    """What a run would hit, counted and named, from the cluster and from the prepared plan.

    *workload_labels* are the labels of the workload; for a target by selector, those that all chosen pods
    share. *planned_pods* counts pods hit as pods (deleted, or taken away by scaling), over all faults of the
    run; pods that leave because their node is drained are counted by *planned_nodes*. *namespaces*,
    *workloads* ("deployment/checkout") and *services* ("shop/checkout") name everything that owns or
    selects a pod that may be hit, also those on drained nodes. What could not be told about the hits is in
    *unseen*; it makes the guardrails that ask about it unknown.
    """

    namespace: str = ""
    workload_labels: Mapping[str, str] = field(default_factory=dict)
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    labels_of_namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # of all of them
    pods: int = 0
    planned_pods: int = 0
    planned_nodes: int = 0
    node_labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # node name -> its labels
    namespaces: frozenset[str] = frozenset()
    workloads: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    owner_labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # of those workloads
    annotations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # of those, and of namespaces
    pod_labels: tuple[Mapping[str, str], ...] = ()  # the different sets of labels of the pods that may be hit
    zones: frozenset[str] = frozenset()  # in which pods or nodes are hit
    states: Mapping[str, WorkloadState] = field(default_factory=dict)  # "shop/deployment/checkout"
    node_troubles: Mapping[str, str] = field(default_factory=dict)  # of the nodes hit, and of the target's
    disruptions: tuple[Disruption, ...] = ()
    unseen: str = ""


@dataclass(frozen=True, slots=True)
class ActiveRuns:
    """Every other run that holds a lease or is not finished in the ledger; not the run that asks."""

    run_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rights:
    """What the account lacks of the rights that the faults' RBAC tables name, as "delete pods in shop"."""

    missing: tuple[str, ...] = ()


HALT = FactKey("halt", HaltLever, max_age_s=10.0)
TARGET = FactKey("target", TargetSummary, max_age_s=60.0)
ACTIVE_RUNS = FactKey("active_runs", ActiveRuns, max_age_s=30.0)
RIGHTS = FactKey("rights", Rights, max_age_s=60.0)


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that was observed for one decision, by the name of its key."""

    by_name: Mapping[str, Fact[Any]] = field(default_factory=dict)

    def read(self, key: FactKey[Value], *, now: datetime) -> Value | Unusable:
        """Return the value of *key*, or why it cannot be relied on at *now*."""
        fact = self.by_name.get(key.name)
        if fact is None:
            return Unusable(f"the fact {key.name} was not gathered")
        if fact.error:
            return Unusable(f"the fact {key.name} could not be observed: {fact.error}")
        if not isinstance(fact.value, key.type):
            return Unusable(f"the fact {key.name} holds {type(fact.value).__name__}, not {key.type.__name__}")
        age = (now - fact.observed_at).total_seconds()
        if age > key.max_age_s:
            return Unusable(
                f"the fact {key.name} is {age:.0f}s old > {key.max_age_s:.0f}s, its longest useful age"
            )
        if age < -CLOCK_SKEW_S:
            return Unusable(f"the fact {key.name} is from {-age:.0f}s in the future; check the clocks")
        return fact.value

    def with_fact(self, key: FactKey[Value], fact: Fact[Value]) -> "Facts":
        """Return a copy in which *key* is *fact*."""
        return Facts({**self.by_name, key.name: fact})
