"""While a run lives, look every second whether it must stop: lever, hours, lease, ticket, clock, probes."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context

from guardrails.abort import breaches
from guardrails.deadline import LATE_S, past_its_time
from guardrails.layers import layers
from guardrails.sight import blind
from guardrails.watch import QUICK, must_stop
from tasks import own_tickets
from tasks.cancellation import watch_for_cancellation
from tasks.facts import gather
from tasks.live_run import LiveRun
from tasks.rollback import undo
from tasks.slow_watch import refresh
from windtunnel.model.policy import Policy

EVERY_S = 1.0
QUICK_WITHIN_S = 3.0  # a lever that takes longer to read must not hold up the rest of the watch
CLOCK_JUMP_S = 5.0  # of the wall clock against the monotonic one, since the run began to be watched


@contextmanager
def watchdog(run: LiveRun) -> Iterator[None]:
    """Watch until the block ends. What is slow to answer has threads of its own, and delays nothing else."""
    done = threading.Event()
    quick = _started(_watch, run, done)
    for policy in run.policy.stack:
        _started(_watch_slowly, run, policy, done)
    _started(watch_for_cancellation, run, done)
    try:
        yield
    finally:
        done.set()
        quick.join(timeout=EVERY_S)  # it may be waiting for the cluster; it does no harm then


def _started(target: Callable[..., None], *arguments: object) -> threading.Thread:
    here = copy_context()  # Prefect keeps its settings there
    thread = threading.Thread(target=here.run, args=(target, *arguments), name=target.__name__, daemon=True)
    thread.start()
    return thread


def _watch(run: LiveRun, done: threading.Event) -> None:
    """Look every second. A watchdog that breaks stops the run: what is not watched must not go on."""
    skew = _skew(run)
    try:
        while not run.clock.wait(EVERY_S, until=done):
            _past_its_time(run)
            if abs(_skew(run) - skew) > CLOCK_JUMP_S:
                run.stop("error", "The clock of this machine was set, or it slept: no time can be relied on.")
            _look(run)
    except Exception as error:  # noqa: BLE001 - a thread that dies in silence would watch over nothing
        run.stop("error", f"The watchdog broke: {type(error).__name__}: {error}")


def _watch_slowly(run: LiveRun, policy: Policy, done: threading.Event) -> None:
    try:
        refresh(run, policy, done)
    except Exception as error:  # noqa: BLE001 - as above
        run.stop("error", f"The watch over incidents and budgets broke: {type(error).__name__}: {error}")


def _look(run: LiveRun) -> None:
    if run.lease and run.lease.lost.is_set():
        run.stop("lease", run.lease.why)
    if run.sampler.error:
        run.stop("error", f"The probes stopped: {type(run.sampler.error).__name__}: {run.sampler.error}")
    own_tickets.watch(run)
    run.known.learn(run.policy.stack, gather(run, QUICK, limit_s=QUICK_WITHIN_S))
    now = run.clock.now()
    for policy, experiment in layers(run.policy, run.experiment):
        for stop in must_stop(policy, experiment, run.known.of(policy), now):
            run.stop(stop.by, stop.reason)
    if run.injecting_at and not run.undone:
        seen = run.samples.seen
        for judge in (breaches, blind):
            for stop in judge(run.policy, run.experiment, seen, injected_at=run.injecting_at, now=now):
                run.stop(stop.by, stop.reason)


def _past_its_time(run: LiveRun) -> None:
    """Hold the run to its duration. The undo is the flow's own work; here it is done where it is late."""
    if run.injecting_since is None or run.undone:
        return
    why, undo_here = past_its_time(
        run.experiment,
        since_injection_s=run.clock.monotonic() - run.injecting_since,
        inject_over=run.inject_over,
        late_s=LATE_S,
    )
    if why:
        run.stop("deadline", why)
    if undo_here:
        undo(run)


def _skew(run: LiveRun) -> float:
    return run.clock.now().timestamp() - run.clock.monotonic()
