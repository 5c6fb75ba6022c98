"""The record of one run: an append-only list of events and samples. Everything else is a projection of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Phase(StrEnum):
    """Where in a run something was seen."""

    BASELINE = "baseline"
    DURING = "during"  # from the first injection until undo begins
    RECOVERY = "recovery"  # from the end of undo on


class EventKind(StrEnum):
    """What can happen in a run. The text is the key in logs, ledger, JSON and messages alike."""

    STARTED = "run.started"  # experiment, policy, seed, versions, who
    TARGETS = "run.targets"  # candidates, chosen
    DECISION = "guardrail.decision"  # one per guardrail
    BLOCKED = "run.blocked"
    LEASE = "lease.acquired"
    BASELINE_MET = "baseline.met"
    BASELINE_MISSED = "baseline.missed"
    TICKET = "undo.ticket"  # written, before the change
    INJECTING = "fault.injecting"
    INJECTED = "fault.injected"  # confirmed: what was really hit
    INJECT_FAILED = "fault.failed"
    WATCHED = "cluster.watched"  # a pod went, a pod became ready, a node changed
    ABORT = "run.abort"  # by: a word of guardrails.stop.Stop
    UNDO_STARTED = "undo.started"
    UNDONE = "undo.step"
    UNDO_FINISHED = "undo.finished"  # state
    RECOVERED = "run.recovered"
    NOT_RECOVERED = "run.not_recovered"
    NOTIFIED = "notify.sent"
    NOTIFY_FAILED = "notify.failed"
    ERROR = "run.error"  # an exception that ended a step
    FINISHED = "run.finished"  # verdict, undo state


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened."""

    at: datetime  # UTC, milliseconds matter
    kind: EventKind
    message: str  # one sentence for people
    data: Mapping[str, Any] = field(default_factory=dict)  # JSON


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer of one probe. `ok=None` means that the probe could not answer, and *error* says why."""

    at: datetime  # UTC, when the look began
    probe: str
    phase: Phase
    ok: bool | None
    value: float | None  # the number looked at: a query's value, a latency in seconds, ready replicas
    took_s: float
    detail: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """All of one run, in the order of time."""

    run_id: str
    experiment: str
    events: tuple[Event, ...]
    samples: tuple[Sample, ...]

    def first(self, kind: EventKind) -> Event | None:
        """Return the first event of *kind*, or None."""
        return next((event for event in self.events if event.kind is kind), None)

    def last(self, kind: EventKind) -> Event | None:
        """Return the last event of *kind*, or None."""
        return next((event for event in reversed(self.events) if event.kind is kind), None)

    def all(self, kind: EventKind) -> tuple[Event, ...]:
        """Return all events of *kind* in order."""
        return tuple(event for event in self.events if event.kind is kind)
