"""A run that every guardrail allows. Tests flip one thing of it, and see what objects."""

from dataclasses import replace
from datetime import UTC, datetime, time

from guardrails import decide_all
from guardrails.blackout import CALENDARS
from guardrails.clock import SKEW, ClockSkew
from guardrails.error_budget import BUDGET, BudgetReading
from guardrails.facts import (
    ACTIVE_RUNS,
    HALT,
    RIGHTS,
    TARGET,
    ActiveRuns,
    Facts,
    HaltLever,
    Rights,
    TargetSummary,
)
from guardrails.freeze import FREEZE, Freezes, Sign
from guardrails.frequency import HISTORY, Past
from guardrails.health import HEALTH, Health, QueryReading
from guardrails.incidents import ALERTS, PAGERDUTY, Incidents
from guardrails.neighbours import NEIGHBOURS, Neighbours
from windtunnel.model.calendar import Calendars
from windtunnel.model.comparison import Comparison
from windtunnel.model.decision import Fact, objections
from windtunnel.model.declaration import Declaration
from windtunnel.model.experiment import Experiment, FaultSpec, Target
from windtunnel.model.policy import Policy, Window
from windtunnel.model.rule_sources import Alertmanager, ErrorBudget, Freeze, HealthQuery, PagerDuty

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)  # a Monday, 10:30 in Paris
OFFICE = Window("office", frozenset({1, 2, 3, 4}), time(9), time(16), "Europe/Paris")
NIGHT = Window("night", frozenset({1, 2, 3, 4, 5}), time(22), time(2), "Europe/Paris")
POLICY = Policy(timezone="Europe/Paris", windows={"office": OFFICE, "night": NIGHT})
EXPERIMENT = Experiment(
    name="checkout-survives",
    hypothesis="h",
    owner="o",
    target=Target(namespace="shop", workload="deployment/checkout"),
    steady_state=(),
    faults=(FaultSpec("pod-delete", {"count": 1}),),
    duration_s=60,
    recover_within_s=30,
)
LABELLED = {"windtunnel.dev/enabled": "true"}
SUMMARY = TargetSummary(
    namespace="shop",
    workload_labels={"app": "checkout"},
    namespace_labels=LABELLED,
    pods=4,
    planned_pods=1,
    namespaces=frozenset({"shop"}),
    workloads=frozenset({"deployment/checkout"}),
    services=frozenset({"shop/checkout"}),
)
FACTS = Facts(
    {
        HALT.name: Fact(NOW, HaltLever(pulled=False)),
        TARGET.name: Fact(NOW, SUMMARY),
        ACTIVE_RUNS.name: Fact(NOW, ActiveRuns()),
        RIGHTS.name: Fact(NOW, Rights()),
        SKEW.name: Fact(NOW, ClockSkew()),
        CALENDARS.name: Fact(NOW, Calendars()),
        FREEZE.name: Fact(NOW, Freezes()),
        PAGERDUTY.name: Fact(NOW, Incidents()),
        ALERTS.name: Fact(NOW, Incidents()),
        BUDGET.name: Fact(NOW, BudgetReading()),
        HEALTH.name: Fact(NOW, Health()),
        NEIGHBOURS.name: Fact(NOW, Neighbours()),
        HISTORY.name: Fact(NOW, Past()),
    }
)


FULL = replace(  # a policy that names every source of facts
    POLICY,
    freeze=Freeze(configmap="ops/freeze", annotation="example.com/freeze"),
    pagerduty=PagerDuty(("P1",)),
    alertmanager=Alertmanager("http://alertmanager:9093"),
    error_budget=ErrorBudget(objective=0.999, remaining="slo:left"),
    health=(HealthQuery("up", Comparison("==", 1.0)),),
    min_interval_s=8 * 3600.0,
)
FULL_FACTS = Facts(
    {
        **FACTS.by_name,
        FREEZE.name: Fact(NOW, Freezes((Sign("configmap ops/freeze", Declaration(declared=False)),))),
        BUDGET.name: Fact(NOW, BudgetReading(remaining=0.5)),
        HEALTH.name: Fact(NOW, Health((QueryReading("up", (("up", 1.0),)),))),
    }
)


def decide(policy=POLICY, experiment=EXPERIMENT, facts=FACTS, now=NOW):
    return decide_all(policy, experiment, facts, now)


def only_objection(*, target=None, **changes):
    """Return the one objection, after the facts about the target were changed."""
    if target:
        changes["facts"] = FACTS.with_fact(TARGET, Fact(NOW, replace(SUMMARY, **target)))
    (objection,) = objections(decide(**changes))
    return objection


def refused(**changes):
    objection = only_objection(**changes)
    return objection.guardrail, objection.outcome, objection.reason


def facts_at(now):
    return Facts({name: replace(fact, observed_at=now) for name, fact in FACTS.by_name.items()})
