"""A record in figures: the zero of its timeline, its spans, and each probe by phase."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from windtunnel.model.experiment import Experiment
from windtunnel.model.record import EventKind, Phase, Record, Sample

PHASE_NAMES = {Phase.BASELINE: "before", Phase.DURING: "during", Phase.RECOVERY: "after"}


@dataclass(frozen=True, slots=True)
class ProbeFigures:
    """One probe in one phase. The three values are None where no look gave a number."""

    probe: str
    phase: Phase
    looks: int
    missed: int
    unanswered: int
    minimum: float | None
    median: float | None
    maximum: float | None


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when something lasted, in seconds after the zero of the timeline."""

    start_s: float
    end_s: float


def zero(record: Record) -> datetime | None:
    """Return the instant that a timeline counts from: the first injection, else the start of the run."""
    first = record.first(EventKind.INJECTING) or record.first(EventKind.INJECTED)
    if first is None:
        first = record.first(EventKind.STARTED) or next(iter(record.events), None)
    return first.at if first else (record.samples[0].at if record.samples else None)


def fault_span(record: Record) -> Span | None:
    """Return how long the fault was in: from the first injection to the end of undo, or of the record."""
    began = record.first(EventKind.INJECTING) or record.first(EventKind.INJECTED)
    if began is None:
        return None
    ended = record.last(EventKind.UNDO_FINISHED)
    end = ended.at if ended else last_instant(record)
    return Span(0.0, max(0.0, (end - began.at).total_seconds()))


def last_instant(record: Record) -> datetime:
    """Return the time of the last thing on record, which must not be empty."""
    return max([event.at for event in record.events] + [sample.at for sample in record.samples])


def probe_figures(record: Record, experiment: Experiment) -> tuple[ProbeFigures, ...]:
    """Return the figures of every probe in every phase it was looked at, in the experiment's order."""
    by_place: dict[tuple[str, Phase], list[Sample]] = {}
    for sample in record.samples:
        by_place.setdefault((sample.probe, sample.phase), []).append(sample)
    return tuple(
        _figures(name, phase, by_place[name, phase])
        for name in probe_names(record, experiment)
        for phase in Phase
        if (name, phase) in by_place
    )


def probe_names(record: Record, experiment: Experiment) -> tuple[str, ...]:
    """Return the experiment's probes, then any other that the record holds."""
    named = [probe.name for probe in experiment.steady_state]
    return tuple(dict.fromkeys([*named, *(sample.probe for sample in record.samples)]))


def _figures(name: str, phase: Phase, samples: Iterable[Sample]) -> ProbeFigures:
    looks = list(samples)
    values = [sample.value for sample in looks if sample.value is not None]
    return ProbeFigures(
        probe=name,
        phase=phase,
        looks=len(looks),
        missed=sum(sample.ok is False for sample in looks),
        unanswered=sum(sample.ok is None for sample in looks),
        minimum=min(values, default=None),
        median=median(values) if values else None,
        maximum=max(values, default=None),
    )
