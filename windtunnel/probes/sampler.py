"""All probes of a run at work: each at its own fixed rate, none able to hold up another."""

import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from windtunnel.clock import Clock
from windtunnel.model.experiment import Probe
from windtunnel.model.record import Phase, Sample
from windtunnel.probes.answer import Answer, bounded, unanswered

OWN_WORD_S = 0.25  # beyond its time limit, for a look that ends itself there and says what it has seen

Looker = Callable[[Probe], Answer]


class Sampler:
    """Looks with every probe from `start` to `stop` and gives each sample to *on_sample*, one at a time.

    A look that is missed, because the one before took longer than the interval, is skipped and never made up
    for. A look that takes longer than the probe's timeout counts as unanswered, at that moment and again at
    every interval until it ends; its late answer is dropped, and no second look is started beside it.

    If *on_sample* raises, sampling ends and `error` holds what it raised.
    """

    def __init__(
        self,
        probes: Iterable[Probe],
        looker: Looker,
        clock: Clock,
        on_sample: Callable[[Sample], None],
    ) -> None:
        self.phase = Phase.BASELINE
        self.error: Exception | None = None
        self._clock = clock
        self._on_sample = on_sample
        self._one_at_a_time = threading.Lock()
        self._stopped = threading.Event()
        self._lanes = tuple(_Lane(probe, looker, clock) for probe in probes)
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin; all probes look at once, and then each at its interval."""
        for lane in self._lanes:
            lane.start()
            name = f"probe-{lane.probe.name}"
            thread = threading.Thread(target=self._run, args=(lane,), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """End at once, also while a probe hangs; its thread goes on alone and can no longer say anything."""
        self._stopped.set()
        for lane in self._lanes:
            lane.close()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(timeout=2.0)

    def _run(self, lane: "_Lane") -> None:
        start, tick = self._clock.monotonic(), 0
        while not self._stopped.is_set():
            seen = lane.look(self.phase)
            if seen is not None and not self._stopped.is_set():
                self._give(seen)
            passed = self._clock.monotonic() - start
            tick = max(tick + 1, int(passed / lane.probe.interval_s) + 1)
            if self._clock.wait(
                start + tick * lane.probe.interval_s - self._clock.monotonic(), self._stopped
            ):
                return

    def _give(self, sample: Sample) -> None:
        with self._one_at_a_time:
            if self.error is not None:
                return
            try:
                self._on_sample(sample)
            except Exception as error:  # noqa: BLE001 - kept for whoever runs the sampler, who must look
                self.error = error
                self._stopped.set()


@dataclass(frozen=True, slots=True)
class _Begun:
    """A look that was begun, and its answer once there is one."""

    number: int
    at: datetime
    monotonic: float
    phase: Phase
    answer: Answer | None = None
    took_s: float = 0.0


@dataclass(slots=True)
class _Lane:
    """One probe with the one thread that looks for it."""

    probe: Probe
    looker: Looker
    clock: Clock
    _jobs: "queue.SimpleQueue[_Begun | None]" = field(default_factory=queue.SimpleQueue)
    _answers: "queue.SimpleQueue[_Begun | None]" = field(default_factory=queue.SimpleQueue)
    _number: int = 0
    _hanging: _Begun | None = None

    def start(self) -> None:
        threading.Thread(target=self._work, name=f"look-{self.probe.name}", daemon=True).start()

    def close(self) -> None:
        self._jobs.put(None)
        self._answers.put(None)

    def look(self, phase: Phase) -> Sample | None:
        """Look once and wait for the answer, at most the probe's timeout; None when closed meanwhile."""
        if self._hanging is not None and not self._has_come_back(self._hanging):
            return self._unanswered(self._hanging, phase, self.clock.now())
        self._number += 1
        job = _Begun(self._number, self.clock.now(), self.clock.monotonic(), phase)
        self._jobs.put(job)
        try:
            done = self._answers.get(timeout=self.probe.timeout_s + OWN_WORD_S)
        except queue.Empty:
            self._hanging = job
            return self._unanswered(job, phase, job.at)
        return None if done is None else self._sample(done)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            began = self.clock.monotonic()
            try:
                answer = self.looker(self.probe)
            except Exception as error:  # noqa: BLE001 - whatever breaks, this probe has not answered
                answer = unanswered(f"{type(error).__name__}: {error}")
            took_s = self.clock.monotonic() - began
            self._answers.put(_Begun(job.number, job.at, job.monotonic, job.phase, answer, took_s))

    def _has_come_back(self, hanging: _Begun) -> bool:
        """Take a late answer off the queue, if it has come, and drop it."""
        try:
            late = self._answers.get_nowait()
        except queue.Empty:
            return False
        if late is None:  # closed: leave the mark for who waits next
            self._answers.put(None)
            return False
        self._hanging = None
        return late.number == hanging.number

    def _sample(self, done: _Begun) -> Sample:
        answer = done.answer or unanswered("no answer")
        return Sample(
            at=done.at,
            probe=self.probe.name,
            phase=done.phase,
            ok=answer.ok,
            value=answer.value,
            took_s=done.took_s,
            detail=bounded(answer.detail),
            error=bounded(answer.error),
        )

    def _unanswered(self, hanging: _Begun, phase: Phase, at: datetime) -> Sample:
        waited_s = self.clock.monotonic() - hanging.monotonic
        error = f"no answer within {self.probe.timeout_s:g} s (waiting for {waited_s:.1f} s)"
        return Sample(at, self.probe.name, phase, ok=None, value=None, took_s=waited_s, error=error)
