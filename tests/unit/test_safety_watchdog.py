"""What watches over a run stops it when it cannot watch any more."""

import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from guardrails.facts import HALT, HaltLever
from tasks import watchdog
from tasks.known_facts import KnownFacts
from windtunnel.model.experiment import Experiment, Target
from windtunnel.model.policy import Policy

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class PlayedClock:
    """Time passes by waiting alone; the wall clock can be set beside it."""

    def __init__(self):
        self.passed, self.offset = 0.0, timedelta(0)

    def now(self):
        return START + timedelta(seconds=self.passed) + self.offset

    def monotonic(self):
        return self.passed

    def wait(self, seconds, until=None):
        if until.is_set() or self.passed > 30:
            return True
        self.passed += seconds
        return False


class Watched(SimpleNamespace):
    """As much of a live run as the watchdog looks at."""

    def stop(self, by, message):
        self.stops.append((by, message))
        self.over.set()


@pytest.fixture
def run():
    experiment = Experiment(
        name="x", hypothesis="h", owner="o", target=Target(namespace="shop"), steady_state=(), faults=(),
        duration_s=10, recover_within_s=5,
    )  # fmt: skip
    run = Watched(
        clock=PlayedClock(),
        policy=Policy(),
        experiment=experiment,
        lease=None,
        sampler=SimpleNamespace(error=None),
        samples=SimpleNamespace(seen=[]),
        injected=[],
        injecting_at=None,
        injecting_since=None,
        inject_over=False,
        undone=False,
        known=KnownFacts(),
        stops=[],
        over=threading.Event(),
    )
    released = HaltLever(pulled=False)
    run.gatherers = {HALT.name: lambda *_: released}
    return run


def test_a_quiet_run_is_not_stopped(run):
    watchdog._watch(run, run.over)
    assert run.stops == []


@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(hours=1)])
def test_a_clock_that_is_set_stops_the_run(run, jump, monkeypatch):
    look = watchdog._look

    def set_clock(run):
        run.clock.offset = jump if run.clock.passed >= 5 else run.clock.offset
        look(run)

    monkeypatch.setattr(watchdog, "_look", set_clock)
    watchdog._watch(run, run.over)
    assert run.stops[0][0] == "error"
    assert "clock" in run.stops[0][1]


def test_a_watchdog_that_breaks_stops_the_run(run):
    run.samples = None
    run.injecting_at, run.injecting_since = START, 0.0
    watchdog._watch(run, run.over)
    ((by, message),) = run.stops
    assert (by, message[:19]) == ("error", "The watchdog broke:")


def test_an_injection_is_stopped_once_the_duration_is_over(run):
    run.injecting_since = 0.0
    watchdog._watch(run, run.over)
    assert run.stops[0][0] == "deadline"
    assert run.clock.passed == 11


def test_an_undo_that_the_flow_is_late_for_is_done_by_the_watchdog(run, monkeypatch):
    monkeypatch.setattr(watchdog, "undo", lambda run: setattr(run, "undone", True))
    run.injecting_since, run.inject_over = 0.0, True
    watchdog._watch(run, run.over)
    assert run.undone
    assert run.clock.passed == 16
