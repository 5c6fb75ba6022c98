"""Look before breaking: the steady state must hold, and there must be traffic, or nothing is injected."""

from collections import Counter
from collections.abc import Sequence

from tasks.live_run import LiveRun
from tasks.step import Ending, step
from windtunnel.model.experiment import Experiment, Role
from windtunnel.model.record import EventKind, Sample

LOOKS = 2  # of every probe; all must hold
_SLACK_S = 2.0  # beyond the probes' own intervals and time limits


@step("baseline")
def baseline(run: LiveRun) -> Ending:
    """Wait until every probe has held twice; the first look that does not hold ends the run."""
    run.sampler.start()
    settled = run.samples.wait_for(
        lambda samples: run.stopping.event.is_set() or _settled(samples, run.experiment),
        timeout_s=longest_wait_s(run.experiment),
    )
    if stop := run.stopping.stop:
        run.happened(EventKind.ABORT, stop.message, by=stop.by)
        return Ending(go_on=False, name="Aborted", message=stop.message, failed=True)
    findings = baseline_findings(run.samples.all(), run.experiment, settled=settled)
    if findings:
        message = f"The steady state does not hold before the fault: {findings[0]} Nothing was injected."
        run.happened(EventKind.BASELINE_MISSED, message, findings=list(findings))
        return Ending(go_on=False, name="Missed", message=message, failed=True)
    load = any(probe.role is Role.LOAD for probe in run.experiment.steady_state)
    message = "The steady state holds" + (", and there is traffic." if load else ".")
    run.happened(EventKind.BASELINE_MET, message)
    return Ending(go_on=True, name="Met", message=message)


def longest_wait_s(experiment: Experiment) -> float:
    """Return how long LOOKS of the slowest probe may take."""
    return max(LOOKS * probe.interval_s + probe.timeout_s for probe in experiment.steady_state) + _SLACK_S


def baseline_findings(samples: Sequence[Sample], experiment: Experiment, *, settled: bool) -> tuple[str, ...]:
    """Return one sentence for every probe that missed, could not answer, or gave too few answers."""
    findings = []
    for probe in experiment.steady_state:
        looks = [sample for sample in samples if sample.probe == probe.name]
        bad = next((sample for sample in looks if sample.ok is not True), None)
        if bad:
            said = bad.error or bad.detail or "does not hold"
            findings.append(f"{probe.name}: {said}{'' if said.endswith(('.', '?')) else '.'}")
        elif len(looks) < LOOKS and not settled:
            findings.append(f"{probe.name}: answered {len(looks)} of {LOOKS} looks in time.")
    return tuple(findings)


def _settled(samples: Sequence[Sample], experiment: Experiment) -> bool:
    looks = Counter(sample.probe for sample in samples)
    failed = any(sample.ok is not True for sample in samples)
    seen = all(looks[probe.name] >= LOOKS for probe in experiment.steady_state)
    answered = all(looks[probe.name] >= 1 for probe in experiment.steady_state)
    return seen or (failed and answered)  # on a miss, let every probe answer once, to report all findings
