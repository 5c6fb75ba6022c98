"""Hold everything that the run hits or needs while it lives: no other run may touch it."""

from collections.abc import Iterator
from contextlib import contextmanager

from tasks.claims import claims_of
from tasks.live_run import LiveRun
from windtunnel.clients.holding import hold
from windtunnel.model.errors import LeaseHeldError
from windtunnel.model.record import EventKind

_SHOWN = 5  # things in a message; all are in the event


@contextmanager
def hold_target(run: LiveRun) -> Iterator[bool]:
    """Take every lease that the run needs and give True, or record who holds one of them and give False."""
    run.claims = claims_of(run)
    holding = hold(run.cluster, run.claims, run.run_id)
    try:
        held = holding.__enter__()
    except LeaseHeldError as error:
        run.happened(
            EventKind.BLOCKED,
            str(error),
            objections=[str(error)],
            holder=error.holder,
            until=error.until or None,
            thing=error.thing,
        )
        yield False
        return
    try:
        run.lease = held
        things = [claim.thing for claim in run.claims]
        more = f" and {len(things) - _SHOWN} more" if len(things) > _SHOWN else ""
        run.happened(EventKind.LEASE, f"Holding {', '.join(things[:_SHOWN])}{more}.", things=things)
        yield True
    finally:
        holding.__exit__(None, None, None)
