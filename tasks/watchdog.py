"""While a run lives, look every second whether it must stop: lever, hours, lease, deadline, clock, probes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context

from guardrails.abort import breaches, must_stop
from guardrails.facts import HALT, Facts
from tasks.facts import gather
from tasks.live_run import LiveRun
from tasks.rollback import undo

EVERY_S = 1.0
HALT_WITHIN_S = 3.0  # a lever that takes longer to read must not hold up the rest of the watch
LATE_S = 5.0  # after the duration, the flow not having begun to undo
CLOCK_JUMP_S = 5.0  # of the wall clock against the monotonic one, since the run began to be watched


@contextmanager
def watchdog(run: LiveRun) -> Iterator[None]:
    """Watch in a thread until the block ends."""
    done = threading.Event()
    here = copy_context()  # Prefect keeps its settings there
    thread = threading.Thread(target=here.run, args=(_watch, run, done), name="watchdog", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(timeout=EVERY_S)  # it may be waiting for the cluster; it does no harm then


def _watch(run: LiveRun, done: threading.Event) -> None:
    """Look every second. A watchdog that breaks stops the run: what is not watched must not go on."""
    facts = Facts()
    skew = _skew(run)
    try:
        while not run.clock.wait(EVERY_S, until=done):
            _past_its_time(run)
            if abs(_skew(run) - skew) > CLOCK_JUMP_S:
                run.stop("error", "The clock of this machine was set, or it slept: no time can be relied on.")
            facts = _look(run, facts)
    except Exception as error:  # noqa: BLE001 - a thread that dies in silence would watch over nothing
        run.stop("error", f"The watchdog broke: {type(error).__name__}: {error}")


def _look(run: LiveRun, facts: Facts) -> Facts:
    if run.lease and run.lease.lost.is_set():
        run.stop("lease", run.lease.why)
    if run.sampler.error:
        run.stop("error", f"The probes stopped: {type(run.sampler.error).__name__}: {run.sampler.error}")
    latest = _latest(gather(run, [HALT.name], limit_s=HALT_WITHIN_S), before=facts)
    now = run.clock.now()
    stops = list(must_stop(run.policy, run.experiment, latest, now))
    if run.injecting_at and not run.undone:
        stops += breaches(run.policy, run.experiment, run.samples.seen, injected_at=run.injecting_at, now=now)
    for stop in stops:
        run.stop(stop.by, stop.reason)
    return latest


def _past_its_time(run: LiveRun) -> None:
    """Hold the run to its duration: an injection that takes longer is stopped, an undo that is late is done.

    The undo is the flow's own work; it is done here only where the flow does not get to it in time.
    """
    if run.injecting_since is None or run.undone:
        return
    over_s = run.clock.monotonic() - run.injecting_since - run.experiment.duration_s
    if over_s > 0 and not run.inject_over:
        run.stop("deadline", f"Injecting took longer than the duration of {run.experiment.duration_s:g} s.")
    if over_s > LATE_S and run.inject_over:
        run.stop("deadline", f"Undo was due {over_s:.0f} s ago; the watchdog does it.")
        undo(run)


def _skew(run: LiveRun) -> float:
    return run.clock.now().timestamp() - run.clock.monotonic()


def _latest(now: Facts, *, before: Facts) -> Facts:
    """Prefer the new reading; one that failed leaves the last good one, which is soon too old to count."""
    good = now.by_name.get(HALT.name)
    return before if good and good.error and HALT.name in before.by_name else now
