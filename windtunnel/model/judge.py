"""The verdict: a pure function of the record and the experiment it was run from.

Rules, in order; the first that applies wins:

1. A guardrail objected: *blocked*.
2. The steady state did not hold, or could not be seen, or there was no load before the fault: *inconclusive*.
3. A fault could not be injected as planned, or hit nothing: *not tested*; *aborted* where it was stopped
   before that.
4. The run was stopped: *aborted*.
5. A steady-state probe missed while it had to hold, or did not hold again in time: *deviated*.
6. Something that must be known is not: a probe that could not answer, too little load, a fault that somebody
   else took out or whose target was replaced: *inconclusive*.
7. Every probe answered, and held: *passed*.

How undo ended is judged beside it, and outranks all of these in the exit code.
"""

from collections.abc import Iterable

from windtunnel.model.experiment import Experiment, Holds, HttpProbe, Probe, Role
from windtunnel.model.record import Event, EventKind, Phase, Record, Sample
from windtunnel.model.recovery import after_injection, measure_recovery
from windtunnel.model.ticket import UndoState
from windtunnel.model.verdict import Judgement, Verdict

_ABORTS = {
    "condition": "an abort condition held",
    "halt": "the safety lever was pulled, or could not be read",
    "window": "the allowed window ended, or a blackout began",
    "freeze": "a freeze was declared",
    "incident": "an incident or alert opened",
    "budget": "it spent more of the error budget than one run may",
    "sight": "it could not be seen any more",
    "deadline": "the deadline passed",
    "lease": "the lease on the target was lost",
    "ticket": "its undo ticket was closed or removed by somebody else",
    "operator": "somebody stopped it",
    "error": "an error stopped it",
    "died": "its process died, or was lost",
}

_UNDO_IS_DUE = (EventKind.TICKET, EventKind.INJECTING, EventKind.INJECTED, EventKind.UNDO_STARTED)


def judge(record: Record, experiment: Experiment) -> Judgement:
    """Compute verdict, reason and findings from *record* alone.

    Args:
        record: Everything that was observed, in the order of time.
        experiment: What was asked; the record's own copy of the file gives the same.
    """
    verdict, reason, findings = _verdict(record, experiment)
    return Judgement(
        verdict=verdict,
        reason=_sentence(reason),
        undo=undo_state(record),
        findings=findings,
        recovery=measure_recovery(record, experiment),
    )


def undo_state(record: Record) -> UndoState:
    """Return how undo ended: clean when there was nothing to undo, unknown when it never reported."""
    if finished := record.last(EventKind.UNDO_FINISHED):
        states = {str(state): state for state in UndoState}
        return states.get(str(finished.data.get("state")), UndoState.UNKNOWN)
    due = any(record.first(kind) for kind in _UNDO_IS_DUE)
    return UndoState.UNKNOWN if due else UndoState.CLEAN


def _verdict(record: Record, experiment: Experiment) -> tuple[Verdict, str, tuple[str, ...]]:
    if early := _before_the_fault(record, experiment):
        return early
    misses, unknowns = _observed(record, experiment)
    if abort := record.first(EventKind.ABORT):
        by = _ABORTS.get(str(abort.data.get("by", "")), "it was stopped")
        return Verdict.ABORTED, f"Stopped before its end: {by}.", (abort.message, *misses, *unknowns)
    if misses:
        return Verdict.DEVIATED, f"The hypothesis does not hold: {misses[0]}", (*misses, *unknowns)
    if unknowns:
        return Verdict.INCONCLUSIVE, f"Not enough was observed to say: {unknowns[0]}", unknowns
    return Verdict.PASSED, _what_held(record, experiment), _unproven(experiment)


def _what_held(record: Record, experiment: Experiment) -> str:
    """Say what a passed run has shown, and no more: misses that were allowed are counted."""
    steady = {probe.name for probe in experiment.steady_state if probe.role is Role.STEADY}
    injecting = record.first(EventKind.INJECTING)
    allowed = sum(
        s.ok is not True for s in record.samples if s.probe in steady and after_injection(s, injecting)
    )
    if not allowed:
        return "The steady state held in every observation."
    looks = "1 look that was" if allowed == 1 else f"{allowed} looks that were"
    return f"The steady state held wherever it had to; {looks} allowed to miss did."


def _unproven(experiment: Experiment) -> tuple[str, ...]:
    """Say what a passed run leaves open: whether anything was there to be hurt."""
    sees_load = any(
        probe.role is Role.LOAD or isinstance(probe.look, HttpProbe) for probe in experiment.steady_state
    )
    return () if sees_load else ("No probe has the role load: whether there was traffic is not known.",)


def _before_the_fault(record: Record, experiment: Experiment) -> tuple[Verdict, str, tuple[str, ...]] | None:
    """Judge a run that never got as far as observing its fault."""
    if blocked := record.first(EventKind.BLOCKED):
        return Verdict.BLOCKED, blocked.message, tuple(blocked.data.get("objections", ()))
    if missed := record.first(EventKind.BASELINE_MISSED):
        return Verdict.INCONCLUSIVE, missed.message, tuple(missed.data.get("findings", ()))
    injected, failed = record.all(EventKind.INJECTED), record.first(EventKind.INJECT_FAILED)
    hit = sum(bool(event.data.get("hit")) for event in injected)
    if hit >= len(experiment.faults) and not failed:
        return None
    errors = tuple(event.message for event in record.all(EventKind.ERROR))
    if abort := record.first(EventKind.ABORT):
        when = "in the middle of the injection" if injected or failed else "before anything was injected"
        return Verdict.ABORTED, f"Stopped {when}: {abort.message}", errors
    if failed:
        return Verdict.NOT_TESTED, failed.message, errors
    reason = "Not every fault hit something." if injected else "Nothing was injected."
    return Verdict.NOT_TESTED, errors[0] if errors else reason, errors


def _observed(record: Record, experiment: Experiment) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what was seen to miss, and what could not be seen or had no load."""
    misses: list[str] = []
    unknowns: list[str] = []
    if record.first(EventKind.BASELINE_MET) is None:
        unknowns.append("Whether the steady state held before the fault was not seen.")
    short = [event.data["missed"] for event in record.all(EventKind.INJECTED) if event.data.get("missed")]
    unknowns += [f"Less was hit than planned: {'; '.join(map(str, missed))}." for missed in short]
    injecting = record.first(EventKind.INJECTING)
    for probe in experiment.steady_state:
        samples = [s for s in record.samples if s.probe == probe.name and after_injection(s, injecting)]
        counted = [s for s in samples if s.phase is not Phase.RECOVERY or probe.role is Role.STEADY]
        if probe.role is Role.LOAD:
            unknowns += _load_findings(probe, counted)
        elif probe.holds is Holds.THROUGHOUT:
            misses += _misses(probe, counted)
            unknowns += _unanswered(probe, counted)
    unknowns += [
        f"Somebody else interfered before the fault was taken back: {event.data.get('drift')}."
        for event in record.all(EventKind.UNDONE)
        if event.data.get("disturbed")
    ]
    if late := record.first(EventKind.NOT_RECOVERED):
        (misses if _seen_to_miss(late, record.samples) else unknowns).append(late.message)
    elif record.first(EventKind.RECOVERED) is None and record.first(EventKind.ABORT) is None:
        unknowns.append("The record ends before the steady state was seen again.")
    unknowns += [event.message for event in record.all(EventKind.ERROR)]
    return tuple(misses), tuple(unknowns)


def _seen_to_miss(late: Event, samples: Iterable[Sample]) -> bool:
    """Say whether a probe that *late* names answered after undo and did not hold; silence proves nothing."""
    named = set(late.data.get("probes", ()))
    return any(s.probe in named and s.phase is Phase.RECOVERY and s.ok is False for s in samples)


def _misses(probe: Probe, samples: Iterable[Sample]) -> list[str]:
    seen = list(samples)
    missed = [sample for sample in seen if sample.ok is False]
    if not missed:
        return []
    worst = missed[0].detail or "out of bounds"
    return [f"{probe.name} missed in {len(missed)} of {len(seen)} looks; first at {_at(missed[0])}: {worst}."]


def _unanswered(probe: Probe, samples: Iterable[Sample]) -> list[str]:
    seen = list(samples)
    silent = [sample for sample in seen if sample.ok is None]
    if not [sample for sample in seen if sample.phase is Phase.DURING]:
        return [f"{probe.name} was never looked at while the fault was active."]
    if not silent:
        return []
    why = silent[0].error or "no answer"
    share = f"{len(silent)} of {len(seen)}"
    return [f"{probe.name} could not answer in {share} looks; first at {_at(silent[0])}: {why}."]


def _load_findings(probe: Probe, samples: Iterable[Sample]) -> list[str]:
    seen = list(samples)
    low = [sample for sample in seen if sample.ok is False]
    found = _unanswered(probe, seen)
    if low:
        found.append(
            f"{probe.name}: too little load to prove anything in {len(low)} of {len(seen)} looks; "
            f"first at {_at(low[0])}: {low[0].detail or 'below its bound'}."
        )
    return found


def _sentence(text: str) -> str:
    """Begin with a capital and end with a stop, whatever the error that is quoted looks like."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _at(sample: Sample) -> str:
    return sample.at.strftime("%H:%M:%S.%f")[:-3] + "Z"
