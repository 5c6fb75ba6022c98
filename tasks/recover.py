"""After undo: wait, bounded, until the steady state holds again."""

from collections.abc import Sequence
from datetime import datetime

from tasks.live_run import LiveRun
from tasks.step import Ending, step
from windtunnel.model.experiment import Experiment, Role
from windtunnel.model.record import EventKind, Sample

LOOKS = 2  # in a row, of every steady-state probe, all begun after undo ended; one of a slow probe


@step("recover")
def recover(run: LiveRun) -> Ending:
    """Wait until every steady-state probe holds again, at most `recover_within`."""
    undone_at = run.clock.now()
    bound_s = run.experiment.recover_within_s
    run.samples.wait_for(
        lambda samples: steady_again(samples, run.experiment, since=undone_at) or _operator_left(run),
        timeout_s=bound_s,
    )
    if steady_again(run.samples.all(), run.experiment, since=undone_at):
        seconds = (run.clock.now() - undone_at).total_seconds()
        message = f"The steady state holds again; seen {seconds:.1f} s after undo."
        run.happened(EventKind.RECOVERED, message, seconds=round(seconds, 3))
        return Ending(go_on=True, name="Recovered", message=message)
    if _operator_left(run) and (run.clock.now() - undone_at).total_seconds() < bound_s:
        return _not_waited_for(run)
    missing = still_missing(run.samples.all(), run.experiment, since=undone_at)
    verb = "does" if len(missing) == 1 else "do"
    message = f"Not recovered {bound_s:g} s after undo: {', '.join(missing)} {verb} not hold again."
    run.happened(EventKind.NOT_RECOVERED, message, probes=list(missing))
    return Ending(go_on=False, name="NotRecovered", message=message, failed=True)


def _not_waited_for(run: LiveRun) -> Ending:
    """Put on record that somebody stopped the run, unless they did so earlier and it is there."""
    stop = run.stopping.stop
    if stop and run.ledger.read(run.run_id).first(EventKind.ABORT) is None:
        run.happened(EventKind.ABORT, stop.message, by=stop.by)
    return Ending(go_on=False, name="Skipped", message="Stopped by the operator; not waiting.")


def _operator_left(run: LiveRun) -> bool:
    """Say whether somebody asked this very process to end: it must not linger to watch."""
    return run.stopping.stop is not None and run.stopping.stop.by == "operator"


def steady_again(samples: Sequence[Sample], experiment: Experiment, *, since: datetime) -> bool:
    """Say whether the last looks of every steady-state probe, begun after *since*, held."""
    return not still_missing(samples, experiment, since=since)


def still_missing(samples: Sequence[Sample], experiment: Experiment, *, since: datetime) -> tuple[str, ...]:
    """Return the names of the steady-state probes that have not held LOOKS times in a row after *since*."""
    missing = []
    for probe in experiment.steady_state:
        looks = [sample.ok for sample in samples if sample.probe == probe.name and sample.at >= since]
        enough = LOOKS if LOOKS * probe.interval_s <= experiment.recover_within_s else 1
        if probe.role is Role.STEADY and (len(looks) < enough or not all(looks[-enough:])):
            missing.append(probe.name)
    return tuple(missing)
