"""While a run lives, look every second whether it must stop: lever, window, lease, silent probes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from guardrails.abort import breaches, must_stop
from guardrails.facts import HALT, Facts
from tasks.facts import gather
from tasks.live_run import LiveRun

EVERY_S = 1.0


@contextmanager
def watchdog(run: LiveRun) -> Iterator[None]:
    """Watch in a thread until the block ends."""
    done = threading.Event()
    thread = threading.Thread(target=_watch, args=(run, done), name="watchdog", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(timeout=EVERY_S)  # it may be waiting for the cluster; it does no harm then


def _watch(run: LiveRun, done: threading.Event) -> None:
    facts = Facts()
    while not run.clock.wait(EVERY_S, until=done):
        if run.lease and run.lease.lost.is_set():
            run.stop("lease", run.lease.why)
        if run.sampler.error:
            run.stop("error", f"The probes stopped: {type(run.sampler.error).__name__}: {run.sampler.error}")
        facts = _latest(gather(run, [HALT.name]), before=facts)
        now = run.clock.now()
        stops = list(must_stop(run.policy, run.experiment, facts, now))
        if run.injecting_at and not run.undone:
            stops += breaches(
                run.policy, run.experiment, run.samples.seen, injected_at=run.injecting_at, now=now
            )
        for stop in stops:
            run.stop(stop.by, stop.reason)


def _latest(now: Facts, *, before: Facts) -> Facts:
    """Prefer the new reading; one that failed leaves the last good one, which is soon too old to count."""
    good = now.by_name.get(HALT.name)
    return before if good and good.error and HALT.name in before.by_name else now
