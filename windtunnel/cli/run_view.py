"""What a running experiment looks like from its record so far: the state that live displays draw."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from math import isinf

from windtunnel.model.experiment import Experiment, Probe
from windtunnel.model.record import Event, EventKind, Phase, Sample
from windtunnel.report.probe_words import amount, expectation, thresholds
from windtunnel.report.run_words import offset
from windtunnel.report.traces import sparkline

TREND = 30  # samples in a sparkline

_PHASES = {
    EventKind.STARTED: "checking",
    EventKind.LEASE: "watching the steady state",
    EventKind.BASELINE_MET: "injecting",
    EventKind.INJECTED: "observing",
    EventKind.ABORT: "aborting",
    EventKind.UNDO_STARTED: "undoing",
    EventKind.UNDO_FINISHED: "recovering",
    EventKind.RECOVERED: "judging",
    EventKind.NOT_RECOVERED: "judging",
    EventKind.BLOCKED: "judging",
    EventKind.BASELINE_MISSED: "judging",
    EventKind.INJECT_FAILED: "judging",
    EventKind.FINISHED: "telling",
}


@dataclass(frozen=True, slots=True)
class Change:
    """A probe that held and no longer does, or the other way round."""

    at: datetime
    sentence: str
    good: bool


@dataclass(slots=True)
class ProbeView:
    """One probe as it stands."""

    probe: Probe
    last: Sample | None = None
    missed: int = 0  # since the injection
    unanswered: int = 0
    trend: deque[float | None] = field(default_factory=lambda: deque(maxlen=TREND))

    @property
    def expected(self) -> str:
        """What it should say."""
        return expectation(self.probe)

    @property
    def now(self) -> str:
        """What it says."""
        if self.last is None:
            return "..."
        if self.last.ok is None:
            return "no answer"
        if self.last.value is None:
            return "ok" if self.last.ok else "missed"
        return amount(self.probe, self.last.value)

    @property
    def trouble(self) -> int:
        """How much it deserves to be looked at: it misses now, it missed, it holds."""
        if self.last is not None and self.last.ok is not True:
            return 2
        return 1 if self.missed or self.unanswered else 0

    @property
    def line(self) -> str:
        """How it went lately, as a sparkline."""
        bounds = thresholds(self.probe)
        return sparkline(self.trend, width=TREND, beside=() if any(map(isinf, bounds)) else bounds)

    def take(self, sample: Sample) -> None:
        """Take the next sample."""
        self.last = sample
        held = {True: 1.0, False: 0.0, None: None}[sample.ok]
        self.trend.append(held if sample.value is None else sample.value)
        if sample.phase is not Phase.BASELINE:
            self.missed += sample.ok is False
            self.unanswered += sample.ok is None


class RunView:
    """Built from events and samples as they come; knows nothing of ledgers, terminals and clocks."""

    def __init__(self, experiment: Experiment, *, run_id: str) -> None:
        self.experiment = experiment
        self.run_id = run_id
        self.phase = "starting"
        self.phase_since: datetime | None = None
        self.phase_s: float | None = None  # how long the phase may take, where that is known
        self.zero: datetime | None = None  # the first injection
        self.probes = {probe.name: ProbeView(probe) for probe in experiment.steady_state}

    def take_event(self, event: Event) -> None:
        """Take the next event."""
        if event.kind is EventKind.INJECTING and self.zero is None:
            self.zero = event.at
        if event.kind in _PHASES:
            self.phase, self.phase_since = _PHASES[event.kind], event.at
            self.phase_s = self._length(event.kind)

    def take_samples(self, samples: Iterable[Sample]) -> list[Change]:
        """Take samples and return each change of the kind of a probe's answer."""
        changes = []
        for sample in samples:
            view = self.probes.get(sample.probe)
            if view is None:
                continue
            before = view.last.ok if view.last else True
            view.take(sample)
            if sample.ok is not before:
                changes.append(Change(sample.at, _change(view, sample), good=sample.ok is True))
        return changes

    def elapsed_s(self, now: datetime) -> float:
        """Return how long the phase has lasted."""
        return max(0.0, (now - self.phase_since).total_seconds()) if self.phase_since else 0.0

    def offset(self, at: datetime) -> str:
        """Write *at* as an offset from the injection, or nothing before there was one."""
        return "" if self.zero is None else offset((at - self.zero).total_seconds())

    def _length(self, kind: EventKind) -> float | None:
        if kind is EventKind.INJECTED:
            return self.experiment.duration_s
        return self.experiment.recover_within_s if kind is EventKind.UNDO_FINISHED else None


def _change(view: ProbeView, sample: Sample) -> str:
    name = view.probe.name
    if sample.ok is None:
        return f"{name} does not answer: {sample.error or 'no reason given'}"
    if sample.ok:
        return f"{name} holds again: {view.now}"
    said = f"{view.now}, " if sample.value is not None else ""
    return f"{name} missed: {sample.detail or f'{said}expected {view.expected}'}"
