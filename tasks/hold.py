"""Hold the target while the run lives: no other run may touch it."""

from collections.abc import Iterator
from contextlib import contextmanager

from tasks.live_run import LiveRun
from windtunnel.clients import lease
from windtunnel.model.errors import LeaseHeldError
from windtunnel.model.record import EventKind


@contextmanager
def hold_target(run: LiveRun) -> Iterator[bool]:
    """Take the lease on the target and give True, or record who holds it and give False."""
    try:
        holding = lease.hold(run.cluster, run.experiment.target, run.run_id)
        held = holding.__enter__()
    except LeaseHeldError as error:
        run.happened(
            EventKind.BLOCKED, str(error), objections=[str(error)], holder=error.holder, until=error.until
        )
        yield False
        return
    try:
        run.lease = held
        run.happened(EventKind.LEASE, f"Holding {held.target}.", lease=held.name)
        yield True
    finally:
        holding.__exit__(None, None, None)
