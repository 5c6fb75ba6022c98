"""How long the service was disturbed and how it came back, from samples and watch events."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from windtunnel.model.experiment import Experiment, Role
from windtunnel.model.record import Event, EventKind, Phase, Record, Sample
from windtunnel.model.verdict import Recovery


def measure_recovery(record: Record, experiment: Experiment) -> Recovery:
    """Measure disruption and recovery; each figure is None when it was not observed.

    The resolution is a probe's interval for the first two figures and that of the watch (some
    milliseconds) for the third.
    """
    injecting = record.first(EventKind.INJECTING)
    if injecting is None:
        return Recovery(disrupted_s=None, recovered_s=None, workload_ready_s=None)
    steady = {probe.name: probe for probe in experiment.steady_state if probe.role is Role.STEADY}
    seen = [s for s in record.samples if s.probe in steady and after_injection(s, injecting)]
    return Recovery(
        disrupted_s=_disrupted(seen, {name: probe.interval_s for name, probe in steady.items()}),
        recovered_s=_recovered(record, seen),
        workload_ready_s=_workload_ready(record, since=injecting.at),
    )


def after_injection(sample: Sample, injecting: Event | None) -> bool:
    """Say whether a look could see the fault: it was begun after the first change, or was not over by then.

    Without an injection the phase alone tells.
    """
    if sample.phase is not Phase.BASELINE:
        return True
    return injecting is not None and sample.at + timedelta(seconds=sample.took_s) > injecting.at


def _disrupted(samples: Sequence[Sample], intervals: dict[str, float]) -> float | None:
    if not samples:
        return None
    missed = [sample for sample in samples if sample.ok is not True]
    if not missed:
        return 0.0
    # A look that hung for longer than its interval missed for as long as it hung.
    ends = [each.at + timedelta(seconds=max(each.took_s, intervals[each.probe])) for each in missed]
    return round((max(ends) - missed[0].at).total_seconds(), 3)


def _recovered(record: Record, samples: Sequence[Sample]) -> float | None:
    """Seconds from the end of undo to the first look of the last probe to hold again."""
    undone = record.last(EventKind.UNDO_FINISHED)
    if undone is None or record.last(EventKind.RECOVERED) is None:
        return None
    after = [sample for sample in samples if sample.at >= undone.at]
    back: list[datetime] = [undone.at]
    for name in {sample.probe for sample in after}:
        looks = [sample for sample in after if sample.probe == name]
        misses = [index for index, sample in enumerate(looks) if sample.ok is not True]
        if misses and misses[-1] + 1 == len(looks):
            return None  # its last look was still a miss
        if misses:
            back.append(looks[misses[-1] + 1].at)
    return round((max(back) - undone.at).total_seconds(), 3)


def _workload_ready(record: Record, *, since: datetime) -> float | None:
    ready = [
        event.at
        for event in record.all(EventKind.WATCHED)
        if event.data.get("what") == "workload-ready" and event.at >= since
    ]
    return round((ready[-1] - since).total_seconds(), 3) if ready else None
