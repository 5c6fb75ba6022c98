"""The table of situations: what is changed, who must object or stop, with what decision and evidence."""

from datetime import timedelta

from guardrails.clock import ClockSkew
from guardrails.error_budget import BudgetReading, BudgetSpent
from guardrails.facts import ActiveRuns, Disruption, HaltLever, Rights, WorkloadState
from guardrails.freeze import Freezes, Sign
from guardrails.frequency import Past
from guardrails.health import Health, QueryReading
from guardrails.incidents import Incident, Incidents
from guardrails.neighbours import Neighbour, Neighbours
from tests.flows.adversary import (
    LATE,
    MONDAY,
    STOPPED,
    Situation,
    always,
    changed,
    once_injected,
    slept,
    then,
)
from windtunnel.clock import SystemClock
from windtunnel.model.calendar import Busy, Calendars
from windtunnel.model.decision import Outcome
from windtunnel.model.declaration import Declaration
from windtunnel.model.history import History, PastRun

DENY, UNKNOWN = Outcome.DENY, Outcome.UNKNOWN
NOW = SystemClock().now()
PULLED = HaltLever(pulled=True, reason="checkout is on fire", by="ana")
RELEASED = HaltLever(pulled=False)
HOURS = "timezone: Europe/Paris\nwindows: {office: {days: Mon-Thu, from: 09:00, to: 16:00}, night: {days: Fri, from: 22:00, to: 02:00}}\n"
FROZEN = Freezes((Sign("configmap ops/freeze", Declaration(declared=True, reason="black friday")),))
OPEN = Freezes((Sign("configmap ops/freeze", Declaration(declared=False)),))
UNREAD = Freezes((Sign("configmap ops/freeze", error="403 forbidden"),))
FREEZE = "freeze: {configmap: ops/freeze}\n"
FIRE = Incidents((Incident("#7 Checkout is down"),))
CALM = Incidents()
PAGER = "incidents: {pagerduty: {services: [P1]}}\n"
ALERTS = "incidents: {alertmanager: {url: 'http://127.0.0.1:1'}}\n"
LEFT = "error_budget: {objective: 99.9%, remaining: left}\n"
RATIO = "error_budget: {objective: 99.9%, error_ratio: 'bad[$window]'}\n"
WINDOWS = (300.0, 1800.0, 3600.0, 7200.0, 21600.0, 86400.0, 259200.0, 2592000.0)
GOOD = BudgetReading(dict.fromkeys(WINDOWS, 0.0001))
UP = "health: ['up{job=\"api\"} == 1']\n"
QUERY = 'up{job="api"}'
TARGET = "shop/deployment/payments"


def ratios(**others: float) -> BudgetReading:
    return BudgetReading({**GOOD.ratios, **{float(name[1:]): value for name, value in others.items()}})


def readings(*series: tuple[str, float], error: str = "") -> Health:
    return Health((QueryReading(QUERY, series, error),))


def event(start_s: float, reason: str = "release") -> Calendars:
    return Calendars(
        (Busy(NOW + timedelta(seconds=start_s), NOW + timedelta(hours=3), reason, "freeze.ics"),)
    )


def past(ago: timedelta, hit: str = TARGET) -> Past:
    return Past(History((PastRun("earlier", NOW - ago, frozenset({hit})),)), frozenset({TARGET}))


def a(says: str, guard: str, outcome: Outcome | str, evidence: str, **rest: object) -> Situation:
    facts = {name: value for name, value in rest.items() if name in FACTS}
    others = {name: value for name, value in rest.items() if name not in FACTS}
    return Situation(says, guard, outcome, evidence, facts=facts, **others)  # type: ignore[arg-type]


FACTS = frozenset({
    "halt", "clock_skew", "calendars", "freeze", "pagerduty", "alerts", "error_budget", "budget_spent", "health",
    "target", "active_runs", "neighbours", "history", "rights",
})  # fmt: skip

SITUATIONS = (
    # the safety lever
    a("the lever is pulled", "halt", DENY, "checkout is on fire", halt=always(PULLED)),
    a("the lever cannot be read", "halt", UNKNOWN, "refused", halt=always(OSError("refused"))),
    a("the lever was read long ago", "halt", UNKNOWN, "old", halt=slept(60, RELEASED)),
    a("something else stands for the lever", "halt", UNKNOWN, "str", halt=always("off")),
    a("the lever is pulled between precheck and injection", "halt", LATE, "checkout is on fire", halt=then(RELEASED, PULLED)),
    a("the lever is pulled while the fault is in", "halt", STOPPED, "checkout is on fire", halt=once_injected(PULLED)),
    # clocks
    a("this clock is ahead", "clock", DENY, "10.0 s ahead", clock_skew=always(ClockSkew(10.0))),
    a("this clock is behind", "clock", DENY, "61.0 s behind", clock_skew=always(ClockSkew(-61.0))),
    a("the cluster's clock cannot be read", "clock", UNKNOWN, "no Date", clock_skew=always(OSError("no Date"))),
    # hours
    a("it is Sunday", "window", DENY, "outside", policy=HOURS, now=MONDAY - timedelta(days=1)),
    a("it is the minute the window closes", "window", DENY, "outside", policy=HOURS, now=MONDAY.replace(hour=15, minute=0)),
    a("it is a second before the window opens", "window", DENY, "outside", policy=HOURS, now=MONDAY.replace(hour=7, minute=59, second=57)),
    a("the window closes before recovery", "window", DENY, "left", policy=HOURS, now=MONDAY.replace(hour=14, minute=59, second=52)),
    a("a scheduled run starts late because its worker was down", "window", DENY, "outside", policy=HOURS, now=MONDAY.replace(hour=16, minute=5)),
    a("the night of Friday is over on Saturday", "window", DENY, "outside", policy=HOURS, now=MONDAY.replace(day=28, hour=1, minute=0)),
    a("Saturday night belongs to no window although Friday's does", "window", DENY, "outside", policy=HOURS, now=MONDAY.replace(day=28, hour=22)),
    a("the hour of the window does not exist that night", "window", DENY, "outside",
      policy="timezone: Europe/Paris\nwindows: {gap: {days: Sun, from: 02:00, to: 02:59}}\n", now=MONDAY.replace(year=2027, month=3, day=28, hour=1)),
    a("two policies have windows that never meet", "window", DENY, "outside", policy=HOURS,
      ceiling="timezone: Europe/Paris\nwindows: {late: {days: Mon, from: 18:00, to: 20:00}}\n", now=MONDAY),
    a("a blackout is written for today", "blackout", DENY, "stock-taking", now=MONDAY,
      policy="blackouts: [{from: 2026-11-23, to: 2026-11-23, reason: stock-taking}]\n"),
    a("a blackout begins before the run has recovered", "blackout", DENY, "stock-taking", now=MONDAY.replace(hour=23, minute=59, second=55),
      policy="blackouts: [{from: 2026-11-24, to: 2026-11-24, reason: stock-taking}]\n"),
    a("a calendar has an event now", "blackout", DENY, "release", calendars=always(event(-60))),
    a("a calendar has an event before the run has recovered", "blackout", DENY, "release", calendars=always(event(9, "release"))),
    a("a calendar cannot be read", "blackout", UNKNOWN, "503", calendars=always(Calendars(errors=("freeze.ics answered 503",)))),
    a("a calendar was read long ago", "blackout", UNKNOWN, "old", calendars=slept(400, Calendars())),
    a("an event is put into the calendar between precheck and injection", "blackout", LATE, "release", calendars=then(Calendars(), event(-60))),
    a("a public holiday in the only known place", "blackout", DENY, "Christmas", policy="timezone: Europe/Paris\nblackouts: [{holidays: FR}]\n",
      now=MONDAY.replace(month=12, day=25)),
    # freezes
    a("a freeze is declared", "freeze", DENY, "black friday", policy=FREEZE, freeze=always(FROZEN)),
    a("a place of freezes cannot be read", "freeze", UNKNOWN, "403", policy=FREEZE, freeze=always(UNREAD)),
    a("one place is frozen and another cannot be read", "freeze", DENY, "403", policy=FREEZE, freeze=always(Freezes((*FROZEN.signs, *UNREAD.signs)))),
    a("the target is annotated as frozen", "freeze", DENY, "hands off", policy="freeze: {annotation: example.com/freeze}\n",
      target=changed(annotations={"deployment/payments in shop": {"example.com/freeze": "hands off"}})),
    a("a freeze is declared between precheck and injection", "freeze", LATE, "black friday", policy=FREEZE, freeze=then(OPEN, FROZEN)),
    a("a freeze is declared while the fault is in", "freeze", STOPPED, "black friday", policy=FREEZE, freeze=once_injected(FROZEN)),
    # incidents
    a("an incident is open", "incidents", DENY, "Checkout is down", policy=PAGER, pagerduty=always(FIRE)),
    a("PagerDuty does not answer", "incidents", UNKNOWN, "429", policy=PAGER, pagerduty=always(OSError("429"))),
    a("PagerDuty was asked long ago", "incidents", UNKNOWN, "old", policy=PAGER, pagerduty=slept(120, CALM)),
    a("an alert fires", "incidents", DENY, "firing", policy=ALERTS, alerts=always(FIRE)),
    a("the Alertmanager is gone", "incidents", UNKNOWN, "Alertmanager", policy=ALERTS),
    a("an incident opens between precheck and injection", "incidents", LATE, "Checkout is down", policy=PAGER, pagerduty=then(CALM, FIRE)),
    a("an alert fires while the fault is in", "incidents", STOPPED, "firing", policy=ALERTS, alerts=then(CALM, CALM, FIRE)),
    # error budget
    a("too little of the budget is left", "error_budget", DENY, "9.0% is left", policy=LEFT, error_budget=always(BudgetReading(remaining=0.09))),
    a("the budget is overspent", "error_budget", DENY, "-20.0% is left", policy=LEFT, error_budget=always(BudgetReading(remaining=-0.2))),
    a("the budget burns fast", "error_budget", DENY, "over 1h", policy=RATIO, error_budget=always(ratios(w300=0.02, w3600=0.02))),
    a("the run may cost too much", "error_budget", DENY, "one run may spend", policy=RATIO, error_budget=always(GOOD),
      target=changed(pods=3, planned_pods=1, planned_nodes=0), experiment={"duration": "4m"}),
    a("no series tells of the budget", "error_budget", UNKNOWN, "no data", policy=LEFT, error_budget=always(BudgetReading(errors=("no data",)))),
    a("a window of the budget is missing", "error_budget", UNKNOWN, "not measured", policy=RATIO,
      error_budget=always(BudgetReading({w: 0.0 for w in WINDOWS if w != 300.0}))),
    a("an error ratio is no share of one", "error_budget", UNKNOWN, "1.5", policy=RATIO, error_budget=always(ratios(w300=1.5))),
    a("what remains is a percentage", "error_budget", UNKNOWN, "100", policy=LEFT, error_budget=always(BudgetReading(remaining=42.0))),
    a("the budget was read long ago", "error_budget", UNKNOWN, "old", policy=LEFT, error_budget=slept(120, BudgetReading(remaining=0.9))),
    a("the run spends more than its share", "error_budget", STOPPED, "has spent", policy=RATIO, error_budget=always(GOOD),
      budget_spent=once_injected(BudgetSpent(1.0, 30.0)), target=changed(planned_pods=0)),
    # health
    a("one of several is not healthy", "health", DENY, "is 0", policy=UP, health=always(readings(("a", 1.0), ("b", 0.0)))),
    a("no series tells of health", "health", UNKNOWN, "no data", policy=UP, health=always(readings(error="no data"))),
    a("a query gives an empty vector", "health", UNKNOWN, "no data", policy=UP, health=always(readings())),
    a("health is not a number", "health", DENY, "NaN", policy=UP, health=always(readings(("a", float("nan"))))),
    # the target
    a("the namespace is protected", "protected", DENY, "namespace shop", policy="protect: {namespaces: [shop]}\n"),
    a("a service in front is protected", "protected", DENY, "payments", policy="protect: {services: [payments]}\n"),
    a("a protected label is on the pods", "protected", DENY, "labelled app=payments", policy="protect: {labels: ['app=payments']}\n", experiment={"fault": "pod-delete: {count: 1}"}),
    a("nobody has opted in", "opt_in", DENY, "must be labelled", policy="opt_in: chaos=yes\n"),
    a("the owners opt out between precheck and injection", "opt_in", LATE, "Not opted in",
      target=changed(later=True, workload_labels={"windtunnel.dev/enabled": "false"})),
    a("a protected label is added between precheck and injection", "protected", LATE, "tier=vital", policy="protect: {labels: [tier=vital]}\n",
      target=changed(later=True, owner_labels={"deployment/payments in shop": {"tier": "vital", "windtunnel.dev/enabled": "true"}})),
    a("more pods than the cap", "caps", DENY, "needs 2 pods > cap 1", experiment={"fault": "pod-delete: {count: 2}"}, policy="caps: {percent: 100, zones: 3}\n"),
    a("a percentage that would have to round up", "caps", DENY, "34% would allow it", experiment={"fault": "pod-delete: {count: 1}"}, policy="caps: {percent: 33.3}\n"),
    a("two faults that are within the cap one by one", "caps", DENY, "needs 2 pods", experiment={"fault": "pod-delete: {count: 1}, pod-delete: {count: 1}"},
      policy="caps: {percent: 100, zones: 3}\n"),
    a("pods in more zones than the cap", "caps", DENY, "zones", target=changed(zones=frozenset({"a", "b"}))),
    a("pods in more namespaces than the cap", "caps", DENY, "namespaces", target=changed(namespaces=frozenset({"shop", "bank"}))),
    a("a longer duration than the cap", "caps", DENY, "lasts 1m > cap 30s", experiment={"duration": "60s"}, policy="caps: {duration: 30s}\n"),
    a("another run on the cluster", "caps", DENY, "would be run 2", active_runs=always(ActiveRuns(("other",)))),
    a("nobody knows what else runs", "caps", UNKNOWN, "gone", active_runs=always(OSError("gone"))),
    a("the last ready replica", "last_replica", DENY, "has 1 ready", target=changed(states={TARGET: WorkloadState(1, 1)})),
    a("others become unready between precheck and injection", "last_replica", LATE, "has 1 ready",
      target=changed(later=True, states={TARGET: WorkloadState(1, 1)})),
    a("an exhausted disruption budget", "disruption_budgets", DENY, "allows 0", target=changed(disruptions=(Disruption("shop/payments", 0, 1),))),
    a("a disruption budget behind its own form", "disruption_budgets", UNKNOWN, "latest form",
      target=changed(disruptions=(Disruption("shop/payments", 5, 1, stale=True),))),
    a("a rollout is in progress", "target_ready", DENY, "rollout", target=changed(states={TARGET: WorkloadState(3, 0, "a rollout is in progress")})),
    a("a node is cordoned between precheck and injection", "target_ready", LATE, "cordoned", target=changed(later=True, node_troubles={"worker-1": "cordoned"})),
    a("the target cannot be read", "protected", UNKNOWN, "502", target=always(OSError("502"))),
    # others
    a("another run holds the target", "neighbours", DENY, "is held by other",
      neighbours=always(Neighbours((Neighbour(TARGET, "other", "is held by other until later"),)))),
    a("an undo ticket that nobody can read", "neighbours", UNKNOWN, "cannot be read", neighbours=always(Neighbours(unreadable=("a ticket cannot be read",)))),
    a("too soon after the last run", "frequency", DENY, "Too often", policy="min_interval: 8h\n", history=always(past(timedelta(hours=7)))),
    a("the last run is recorded in the future", "frequency", DENY, "Too often", policy="min_interval: 8h\n", history=always(past(timedelta(hours=-1)))),
    a("one run too many today", "frequency", DENY, "Too often", policy="caps: {runs_per_day: 1}\n", now=MONDAY, history=always(past(NOW - MONDAY + timedelta(hours=1), "shop/deployment/other"))),
    a("nobody knows of earlier runs", "frequency", UNKNOWN, "garbled", policy="min_interval: 8h\n", history=always(ValueError("garbled"))),
    a("a right is missing", "rights", DENY, "patch deployments", rights=always(Rights(("patch deployments in shop",)))),
    a("nobody can say which rights there are", "rights", UNKNOWN, "500", rights=always(OSError("500"))),
    a("a policy above forbids what the nearer one allows", "caps", DENY, "installation.yaml", policy="caps: {percent: 100}\n", ceiling="caps: {pods: 0}\n",
      experiment={"fault": "pod-delete: {count: 1}"}),
)  # fmt: skip
