"""One run while it lives: what the steps share, and the one way to put something on record."""

import logging
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from tasks.known_facts import KnownFacts
from tasks.planning import Plan
from tasks.request import RunRequest
from tasks.sample_book import SampleBook
from tasks.stopping import StopSignal
from windtunnel.clients.cluster import Cluster
from windtunnel.clients.holding import Holding
from windtunnel.clients.targets import ResolvedTarget
from windtunnel.clock import Clock
from windtunnel.faults import load_fault
from windtunnel.faults.shape import Fault
from windtunnel.ledger import Ledger
from windtunnel.model.claim import Claim
from windtunnel.model.experiment import Experiment
from windtunnel.model.policy import Policy
from windtunnel.model.record import Event, EventKind
from windtunnel.model.ticket import UndoState
from windtunnel.model.verdict import Judgement, end_of
from windtunnel.probes.placeholders import NOTHING, Fetched
from windtunnel.probes.sampler import Sampler
from windtunnel.redaction import redact, redact_all

Listener = Callable[[Event], None]
Log = logging.Logger | logging.LoggerAdapter[logging.Logger]
Thing = TypeVar("Thing")


class LiveRun:
    """Shared by the steps of one run; not a value, and never sent to another process."""

    def __init__(
        self,
        *,
        run_id: str,
        seed: int,
        request: RunRequest,
        experiment: Experiment,
        policy: Policy,
        ledger: Ledger,
        clock: Clock,
        log: Log,
        gatherers: Mapping[str, Callable[..., object]] | None = None,
    ) -> None:
        self.run_id = run_id
        self.seed = seed
        self.request = request
        self.experiment = experiment
        self.policy = policy
        self.ledger = ledger
        self.clock = clock
        self.log = log
        self.gatherers = gatherers
        self.known = KnownFacts()
        self.calendars: Mapping[str, str] = request.calendars
        self.secrets: Fetched = NOTHING  # for the probes' placeholders
        self.load_fault: Callable[[str], Fault] = load_fault
        self.rng = random.Random(seed)  # noqa: S311 - chooses victims, keeps no secret
        self.stopping = StopSignal()
        self.samples = SampleBook()
        self.plans: tuple[Plan, ...] = ()
        self.injected: list[Plan] = []  # ticket written; whether the change was made, undo finds out
        self.undone = False  # undo has begun: from now on nothing stops the run any more
        self.undoing = threading.Lock()
        self.undo_state: UndoState | None = None  # how undo ended
        self.injecting_at: datetime | None = None  # when the first change was about to be made
        self.injecting_since: float | None = None  # the same, monotonic: wall clocks are set at times
        self.inject_over = False  # nothing more is changed from now on but by undo
        self.claims: tuple[Claim, ...] = ()  # what the run holds, once it does
        self.lease: Holding | None = None
        self.without_prefect = False  # its server was too slow: the steps left are not shown there
        self.cancelled = False  # in Prefect, which then takes no other final state
        self.crash: BaseException | None = None  # raised again once the run is concluded
        self._cluster: Cluster | None = None
        self._target: ResolvedTarget | None = None
        self._sampler: Sampler | None = None
        self._judgement: Judgement | None = None
        self._listeners: list[Listener] = []
        self._judged: list[Callable[[Judgement], None]] = []

    @property
    def cluster(self) -> Cluster:
        """The target's cluster, once the step resolve has connected to it."""
        return _present(self._cluster, "cluster", "resolve")

    @cluster.setter
    def cluster(self, cluster: Cluster) -> None:
        self._cluster = cluster

    @property
    def target(self) -> ResolvedTarget:
        """What the target is now, once the step resolve has asked."""
        return _present(self._target, "target", "resolve")

    @target.setter
    def target(self, target: ResolvedTarget) -> None:
        self._target = target

    @property
    def sampler(self) -> Sampler:
        """The probes at work, while the run is watched."""
        return _present(self._sampler, "sampler", "watching")

    @sampler.setter
    def sampler(self, sampler: Sampler) -> None:
        self._sampler = sampler

    @property
    def judgement(self) -> Judgement:
        """The verdict, once the step verify has computed it."""
        return _present(self._judgement, "judgement", "verify")

    @judgement.setter
    def judgement(self, judgement: Judgement) -> None:
        self._judgement = judgement

    def stop(self, by: str, message: str) -> None:
        """Ask the run to stop; the first reason counts, and whoever waits wakes at once."""
        self.stopping.set(by, message)
        self.samples.wake()

    def listen(self, listener: Listener) -> None:
        """Call *listener* with every event once it is on record."""
        self._listeners.append(listener)

    def when_judged(self, tell: Callable[[Judgement], None]) -> None:
        """Call *tell* with the verdict once it is on record."""
        self._judged.append(tell)

    def judged(self, judgement: Judgement) -> None:
        """Tell the verdict to whoever asked for it."""
        for tell in self._judged:
            tell(judgement)

    def happened(self, kind: EventKind, message: str, **data: Any) -> None:
        """Put an event on record, then tell whoever listens.

        Raises:
            LedgerError: it cannot be kept; nothing more may be injected then.
        """
        self.recorded(Event(at=self.clock.now(), kind=kind, message=message, data=data))

    def recorded(self, event: Event) -> None:
        """Put a finished event on record, then tell whoever listens. Safe from any thread.

        Raises:
            LedgerError: it cannot be kept.
        """
        event = replace(event, message=redact(event.message), data=redact_all(event.data))
        self.ledger.append(self.run_id, event)
        self._tell(event)

    def finished(self, judgement: Judgement) -> None:
        """Put the verdict on record and into the history, in one moment, then tell whoever listens.

        Raises:
            LedgerError: it cannot be kept, or somebody else has ended this run's record.
        """
        event = end_of(judgement, at=self.clock.now())
        self.ledger.finish(self.run_id, judgement, events=[event], at=event.at)
        self._tell(event)

    def _tell(self, event: Event) -> None:
        self.log.info("%s: %s", event.kind, event.message)
        for listener in self._listeners:
            listener(event)


def _present(thing: Thing | None, name: str, step: str) -> Thing:
    if thing is None:
        msg = f"the run has no {name} before the step {step}"
        raise RuntimeError(msg)
    return thing
