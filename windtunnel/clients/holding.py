"""Everything that a run claims, held at once: taken in one order, renewed together, lost together.

A run may hold dozens of leases: a drained node and the workloads of all that leaves it. Each renewal is two
requests, eight leases at a time; what cannot be renewed before it would run out is lost, and said so.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field

from windtunnel.clients.cluster import Cluster
from windtunnel.clients.connection import Timeouts
from windtunnel.clients.lease import give_back, renew, take
from windtunnel.clients.lease_body import Asking
from windtunnel.clients.own_namespace import explaining_absence
from windtunnel.clock import Clock, SystemClock
from windtunnel.model.claim import Claim, in_order
from windtunnel.model.errors import ClusterError, LeaseHeldError, UnreachableError

_TIMEOUTS = Timeouts(connect_s=1.5, read_s=2.0, total_s=3.0, tries=1)  # a renewal must end before the lease
_AT_ONCE = 8  # leases that are renewed at the same time; the connection pool has room for twice as many
_PATIENCE_S = 10.0  # for all leases to be confirmed before a change, and to be given back in the end
_SOON_S = 1.0  # when a renewal that failed is tried again


@dataclass(slots=True)
class Holding:
    """The leases in our hands. *lost* is set, and *why* tells, once any of them no longer is ours."""

    holder: str
    leases: list[Asking] = field(default_factory=list)
    lost: threading.Event = field(default_factory=threading.Event)
    why: str = ""


@contextmanager
def hold(
    cluster: Cluster,
    claims: Iterable[Claim],
    run_id: str,
    *,
    ttl_s: float = 15.0,
    renew_s: float = 5.0,
    clock: Clock | None = None,
) -> Iterator[Holding]:
    """Take a lease for each of *claims*, or none; renew them in a thread; give them back at the end.

    Raises:
        LeaseHeldError: another run holds one; the error names the run, the thing and until when.
        ClusterError: a lease could not be asked for, or was lost while the others were taken.
    """
    held = Holding(holder=run_id)
    keeper = _Keeper(cluster.within(_TIMEOUTS), held, clock or SystemClock(), ttl_s=ttl_s, renew_s=renew_s)
    done = threading.Event()
    renewing = threading.Thread(target=keeper.keep, args=(done,), name=f"lease-{run_id}", daemon=True)
    try:
        with explaining_absence(cluster.label):
            keeper.take([Asking(run_id, claim, ttl_s) for claim in in_order(claims)])
        renewing.start()
        yield held
    finally:
        done.set()
        if renewing.ident is not None:
            renewing.join(2 * (_TIMEOUTS.total_s + _TIMEOUTS.connect_s))
        keeper.give_back()


def confirm(cluster: Cluster, held: Holding, *, clock: Clock | None = None) -> str:
    """Renew every lease at once; return why one is lost, or "" when all are ours.

    For the moment before a change: a process that was suspended since the last renewal does not know yet
    that its leases ran out and somebody else took them.

    Raises:
        ClusterError: one could not be asked; who asks must take it as lost.
    """
    asked, times = cluster.within(_TIMEOUTS), clock or SystemClock()
    answers = _at_once(held.leases, lambda lease: renew(asked, lease, times), within_s=_PATIENCE_S)
    for lease, (why, error) in zip(held.leases, answers, strict=True):
        if error:
            raise error
        if why:
            return _lost(lease, why)
    return ""


class _Keeper:
    """Takes, renews and gives back the leases of one run."""

    def __init__(
        self, cluster: Cluster, held: Holding, clock: Clock, *, ttl_s: float, renew_s: float
    ) -> None:
        self._cluster = cluster
        self._held = held
        self._clock = clock
        self._ttl_s = ttl_s
        self._renew_s = renew_s
        self._good_until: dict[str, float] = {}  # name of the lease -> monotonic

    def take(self, wanted: Iterable[Asking]) -> None:
        """Take the leases one after the other; what takes long renews those that it has meanwhile."""
        renewed_at = self._clock.monotonic()
        for lease in wanted:
            began = self._clock.monotonic()
            if began - renewed_at >= self._renew_s:
                if why := self._renew_all():
                    raise ClusterError(why)
                renewed_at = began
            self._good_until[lease.name] = began + self._ttl_s
            self._held.leases.append(lease)  # before it is known: an answer that is lost may have been a yes
            try:
                take(self._cluster, lease, self._clock)
            except LeaseHeldError:
                self._held.leases.pop()
                raise

    def keep(self, done: threading.Event) -> None:
        """Renew until *done*; when one lease is taken away, or could run out unrenewed, all are lost."""
        oldest = min(self._good_until.values(), default=0.0) - self._ttl_s
        pause = self._renew_s - (self._clock.monotonic() - oldest)
        while not self._clock.wait(pause, until=done):
            began = self._clock.monotonic()
            try:
                why = self._renew_all()
            except Exception as error:  # noqa: BLE001 - a thread that died would leave leases to others, unsaid
                why = f"the leases could not be renewed: {type(error).__name__}: {error}"
            if why and not done.is_set():
                self._held.why = why
                self._held.lost.set()
                return
            behind = any(until < began + self._ttl_s for until in self._good_until.values())
            took = self._clock.monotonic() - began
            pause = (min(self._renew_s, _SOON_S) if behind else self._renew_s) - took

    def give_back(self) -> None:
        """Give back what is still ours. What cannot be runs out by itself, so nothing is raised."""
        answers = _at_once(
            self._held.leases,
            lambda lease: give_back(self._cluster, lease, self._clock),
            within_s=_PATIENCE_S,
        )
        for lease, (_, error) in zip(self._held.leases, answers, strict=True):
            if error and not self._held.why:
                self._held.why = f"the lease {lease.name} was not given back and runs out by itself: {error}"

    def _renew_all(self) -> str:
        """Renew every lease, several at a time; return why one is lost, or ""."""
        began = self._clock.monotonic()
        leases = list(self._held.leases)
        latest = min(self._good_until.values(), default=began)
        answers = _at_once(
            leases, lambda lease: renew(self._cluster, lease, self._clock), within_s=latest - began
        )
        now = self._clock.monotonic()
        for lease, (why, error) in zip(leases, answers, strict=True):
            if why:
                return _lost(lease, why)
            if error is None:
                self._good_until[lease.name] = began + self._ttl_s
            elif not isinstance(error, ClusterError):
                return _lost(lease, f"it could not be renewed: {type(error).__name__}: {error}")
            elif now + min(self._renew_s, _SOON_S) >= self._good_until[lease.name]:
                return _lost(lease, f"it could not be renewed in time: {error}")
        return ""


def _lost(lease: Asking, why: str) -> str:
    return f"the lease {lease.name} on {lease.claim.thing} is lost: {why}"


def _at_once(
    leases: Iterable[Asking], work: Callable[[Asking], str | None], *, within_s: float
) -> list[tuple[str, BaseException | None]]:
    """Do *work* for several leases at a time; return its words and its error for each.

    What is not done in time is left behind, or never begun; its error says so.
    """
    pool = ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="lease")
    try:
        answers = [pool.submit(work, lease) for lease in leases]
        done, _ = wait(answers, timeout=max(0.0, within_s))
        late = UnreachableError(f"no answer within {within_s:g} s")
        return [_outcome(answer) if answer in done else ("", late) for answer in answers]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _outcome(answer: Future[str | None]) -> tuple[str, BaseException | None]:
    error = answer.exception()
    return ("", error) if error else (answer.result() or "", None)
