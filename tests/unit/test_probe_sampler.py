"""The sampler: rates, hangs and stops. What is measured is counted, never timed to the millisecond."""

import itertools
import threading
from collections import defaultdict

import pytest

from windtunnel.clock import SystemClock
from windtunnel.model.experiment import CommandProbe, Probe
from windtunnel.model.record import Phase, Sample
from windtunnel.probes.answer import Answer
from windtunnel.probes.sampler import Sampler

NOTHING = CommandProbe(argv=("true",))


class Book:
    """Keeps samples by probe, and lets a test wait for some."""

    def __init__(self) -> None:
        self.samples: dict[str, list[Sample]] = defaultdict(list)
        self.changed = threading.Condition()

    def add(self, sample: Sample) -> None:
        with self.changed:
            self.samples[sample.probe].append(sample)
            self.changed.notify_all()

    def wait_for(self, probe: str, count: int) -> list[Sample]:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.samples[probe]) >= count, timeout=20)
            return list(self.samples[probe])


@pytest.fixture
def book():
    return Book()


@pytest.fixture
def sampled(book):
    """Start a sampler, and stop it at the end of the test."""
    running = []

    def start(*probes: Probe, looker, on_sample=book.add) -> Sampler:
        sampler = Sampler(probes, looker, SystemClock(), on_sample)
        running.append(sampler)
        sampler.start()
        return sampler

    yield start
    for sampler in running:
        sampler.stop()


def good(probe: Probe) -> Answer:
    return Answer(ok=True, value=1.0, detail="fine")


def test_every_probe_samples_at_its_own_rate(sampled, book):
    sampled(Probe("fast", NOTHING, interval_s=0.02), Probe("slow", NOTHING, interval_s=30), looker=good)
    fast = book.wait_for("fast", 20)
    assert len(book.samples["slow"]) == 1
    assert [sample.ok for sample in fast] == [True] * len(fast)


def test_samples_carry_the_phase_in_which_the_look_began(sampled, book):
    sampler = sampled(Probe("page", NOTHING, interval_s=0.01), looker=good)
    book.wait_for("page", 1)
    sampler.phase = Phase.DURING
    seen = book.wait_for("page", len(book.samples["page"]) + 3)
    assert seen[0].phase is Phase.BASELINE
    assert seen[-1].phase is Phase.DURING


def test_a_probe_that_hangs_is_unanswered_again_and_again_and_holds_up_no_other(sampled, book):
    released, begun = threading.Event(), []

    def looker(probe: Probe) -> Answer:
        if probe.name == "stuck":
            begun.append(probe)
            released.wait(20)
        return good(probe)

    stuck = Probe("stuck", NOTHING, interval_s=0.05, timeout_s=0.1)
    sampled(stuck, Probe("page", NOTHING, interval_s=0.02), looker=looker)
    unanswered = book.wait_for("stuck", 4)
    others = book.wait_for("page", 5)
    assert len(begun) == 1  # no second look was started beside the one that hangs
    assert {sample.ok for sample in unanswered} == {None}
    assert "no answer within 0.1 s" in unanswered[0].error
    assert {sample.ok for sample in others} == {True}
    released.set()


def test_a_late_answer_is_dropped_and_the_probe_goes_on(sampled, book):
    released, calls = threading.Event(), []

    def looker(probe: Probe) -> Answer:
        calls.append(probe)
        if len(calls) == 1:
            released.wait(20)
            return Answer(ok=True, value=-1.0)
        return good(probe)

    sampled(Probe("page", NOTHING, interval_s=0.02, timeout_s=0.05), looker=looker)
    book.wait_for("page", 2)
    released.set()
    with book.changed:
        assert book.changed.wait_for(lambda: any(s.ok for s in book.samples["page"]), timeout=20)
    assert -1.0 not in [sample.value for sample in book.samples["page"]]


def test_stop_returns_while_a_probe_hangs_and_nothing_is_told_after_it(sampled, book):
    released = threading.Event()
    sampler = sampled(
        Probe("stuck", NOTHING, interval_s=0.05, timeout_s=60),
        looker=lambda _: Answer(ok=released.wait(20)),
    )
    sampler.stop()
    released.set()
    assert not any(thread.is_alive() for thread in sampler._threads)
    assert not book.samples


def test_a_look_that_breaks_is_unanswered(sampled, book):
    def looker(probe: Probe) -> Answer:
        msg = "a bug"
        raise ZeroDivisionError(msg)

    sampled(Probe("page", NOTHING, interval_s=0.02), looker=looker)
    sample = book.wait_for("page", 2)[0]
    assert sample.ok is None
    assert sample.error == "ZeroDivisionError: a bug"


def test_ticks_that_were_missed_are_skipped_and_not_made_up_for(sampled, book):
    gate, calls = threading.Event(), []

    def looker(probe: Probe) -> Answer:
        calls.append(probe)
        if len(calls) == 1:
            gate.wait(20)
        return good(probe)

    sampled(Probe("page", NOTHING, interval_s=0.2, timeout_s=60), looker=looker)
    threading.Timer(0.7, gate.set).start()
    seen = book.wait_for("page", 3)
    gaps = [(b.at - a.at).total_seconds() for a, b in itertools.pairwise(seen)]
    assert gaps[0] >= 0.7  # and the two or three looks that fell into it are not crowded in after it
    assert len(calls) == len(seen) or len(calls) == len(seen) + 1


def test_a_receiver_that_fails_ends_the_sampling_and_its_error_is_kept(sampled):
    def full(sample: Sample) -> None:
        msg = "the ledger is full"
        raise OSError(msg)

    sampler = sampled(Probe("page", NOTHING, interval_s=0.01), looker=good, on_sample=full)
    for thread in sampler._threads:
        thread.join(5)
    assert str(sampler.error) == "the ledger is full"
