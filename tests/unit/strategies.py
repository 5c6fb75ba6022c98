"""Hypothesis strategies for the values that guardrails decide on."""

from datetime import UTC, datetime, time, timedelta

from hypothesis import strategies as st

from guardrails.blackout import CALENDARS
from guardrails.clock import SKEW, ClockSkew
from guardrails.error_budget import BUDGET, BudgetReading
from guardrails.facts import (
    ACTIVE_RUNS,
    HALT,
    TARGET,
    ActiveRuns,
    Disruption,
    Facts,
    HaltLever,
    TargetSummary,
    WorkloadState,
)
from guardrails.freeze import FREEZE, Freezes
from guardrails.frequency import HISTORY, Past
from guardrails.health import HEALTH, Health
from guardrails.incidents import ALERTS, PAGERDUTY, Incidents
from guardrails.neighbours import NEIGHBOURS, Neighbours
from windtunnel.model.calendar import Busy, Calendars
from windtunnel.model.decision import Fact
from windtunnel.model.experiment import Experiment, FaultSpec, Schedule, Target
from windtunnel.model.policy import Blackout, Caps, Policy, Protected, Window

ZONES = (
    "UTC",
    "Europe/Paris",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
)
NAMES = ("office", "night", "weekend")
LABEL = "windtunnel.dev/enabled"

zones = st.sampled_from(ZONES)
instants = st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2027, 12, 31)).map(  # noqa: DTZ001 - made aware
    lambda at: at.replace(tzinfo=UTC, microsecond=0)
)
_CHANGES = (
    "2026-03-29T01",
    "2026-10-25T01",
    "2026-03-08T07",
    "2026-11-01T06",
    "2026-04-04T15",
)  # of clocks, in UTC
changes_of_clocks = st.builds(
    lambda change, minutes: datetime.fromisoformat(f"{change}:00Z") + timedelta(minutes=minutes),
    st.sampled_from(_CHANGES),
    st.integers(-6 * 60, 6 * 60),
)
moments = instants | changes_of_clocks
times = st.builds(time, st.integers(0, 23), st.sampled_from([0, 1, 30, 59]))
days = st.frozensets(st.integers(1, 7), min_size=1)


@st.composite
def windows(draw: st.DrawFn, zone: str = "") -> Window:
    start = draw(times)
    end = draw(times | st.none())
    if end == start:
        end = None
    return Window(draw(st.sampled_from(NAMES)), draw(days), start, end, zone or draw(zones))


@st.composite
def blackouts(draw: st.DrawFn) -> Blackout:
    start = draw(moments)
    return Blackout(start, start + timedelta(minutes=draw(st.integers(1, 10_000))), "freeze", draw(zones))


caps = st.builds(
    Caps,
    pods=st.integers(0, 20),
    percent=st.floats(0.1, 100),
    nodes=st.integers(0, 5),
    namespaces=st.integers(1, 4),
    zones=st.integers(1, 4),
    duration_s=st.floats(1, 7200),
    concurrent_runs=st.integers(1, 5),
)
protections = st.builds(
    Protected,
    namespaces=st.frozensets(st.sampled_from(["shop", "bank", "kube-system"])),
    services=st.frozensets(st.sampled_from(["payment", "database", "shop/checkout"])),
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    found = draw(st.lists(windows(), max_size=2))
    return Policy(
        timezone=draw(zones),
        windows={window.name: window for window in found},
        blackouts=tuple(draw(st.lists(blackouts(), max_size=2))),
        caps=draw(caps),
        protected=draw(protections),
    )


@st.composite
def experiments(draw: st.DrawFn) -> Experiment:
    return Experiment(
        name="x",
        hypothesis="h",
        owner="o",
        target=Target(namespace=draw(st.sampled_from(["shop", "bank"])), workload="deployment/checkout"),
        steady_state=(),
        faults=(FaultSpec("pod-delete", {}),),
        duration_s=draw(st.floats(1, 3600)),
        recover_within_s=draw(st.floats(1, 3600)),
        schedule=Schedule(window=draw(st.sampled_from(["", *NAMES]))),
    )


labels = st.sampled_from([{}, {LABEL: "true"}, {LABEL: "false"}, {"app": "checkout"}])


disruptions = st.builds(
    Disruption, st.just("shop/checkout"), st.integers(0, 3), st.integers(1, 3), st.booleans()
)


@st.composite
def targets(draw: st.DrawFn) -> TargetSummary:
    pods = draw(st.integers(0, 50))
    return TargetSummary(
        namespace="shop",
        workload_labels=draw(labels),
        namespace_labels=draw(labels),
        pods=pods,
        planned_pods=draw(st.integers(0, pods)),
        planned_nodes=draw(st.integers(0, 1)),
        node_labels=draw(st.sampled_from([{}, {"worker-1": {LABEL: "true"}}, {"worker-1": {}}])),
        namespaces=draw(st.frozensets(st.sampled_from(["shop", "bank", "kube-system"]))),
        workloads=draw(st.frozensets(st.sampled_from(["deployment/checkout", "deployment/payment"]))),
        services=draw(st.frozensets(st.sampled_from(["shop/checkout", "bank/payment"]))),
        zones=draw(st.frozensets(st.sampled_from(["a", "b", "c"]))),
        states={
            "shop/deployment/checkout": draw(st.builds(WorkloadState, st.integers(0, 9), st.integers(0, 9)))
        },
        disruptions=tuple(draw(st.lists(disruptions, max_size=2))),
    )


def busy(now: datetime) -> st.SearchStrategy[Busy]:
    """A calendar's entry, some days around *now*."""
    return st.builds(
        lambda start, lasting: Busy(
            now + timedelta(minutes=start), now + timedelta(minutes=start + lasting), "entry", "freeze.ics"
        ),
        st.integers(-3000, 3000),
        st.integers(1, 600),
    )


@st.composite
def facts(draw: st.DrawFn, now: datetime) -> Facts:
    """Some facts fresh, some old, some failed, some not gathered at all."""
    values = {
        HALT.name: st.builds(HaltLever, pulled=st.booleans()),
        TARGET.name: targets(),
        SKEW.name: st.builds(ClockSkew, st.floats(-8, 8)),
        CALENDARS.name: st.builds(Calendars, st.lists(busy(now), max_size=2).map(tuple)),
        FREEZE.name: st.just(Freezes()),
        PAGERDUTY.name: st.just(Incidents()),
        ALERTS.name: st.just(Incidents()),
        BUDGET.name: st.just(BudgetReading()),
        HEALTH.name: st.just(Health()),
        NEIGHBOURS.name: st.just(Neighbours()),
        HISTORY.name: st.just(Past()),
        ACTIVE_RUNS.name: st.builds(
            ActiveRuns, st.lists(st.sampled_from(["r1", "r2"]), unique=True).map(tuple)
        ),
    }
    found = {}
    for name, value in values.items():
        age = timedelta(seconds=draw(st.sampled_from([0, 0, 0, 3, 3600])))
        if draw(st.integers(0, 9)) == 0:
            continue
        if draw(st.integers(0, 9)) == 0:
            found[name] = Fact(now - age, error="connection refused")
        else:
            found[name] = Fact(now - age, draw(value))
    return Facts(found)
