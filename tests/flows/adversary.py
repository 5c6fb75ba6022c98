"""One situation after another that a run meets, played into a real lab and a real Prefect server.

A situation starts from an experiment that every guardrail allows and changes one thing: the policy, the time,
or what one fact says, from the first look on or from a later one. Nothing else is replaced; what a situation
does not name is read from the lab. That nothing was injected is read from the lab as well: the generation of
the target, which every change of its spec raises.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from windtunnel.clock import SystemClock
from windtunnel.model.decision import Outcome
from windtunnel.model.record import EventKind, Record

LATE, STOPPED = "at the last moment", "while the fault is in"
MONDAY = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)  # 10:30 in Paris
Look = Callable[["PlayedRun", int], object]  # the run, and how often this fact has been looked at before


class PlayedClock(SystemClock):
    """The machine's clock, told to show another time; it goes on from there, and can be set."""

    def __init__(self, now: datetime | None) -> None:
        self.offset = now - super().now() if now else timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.offset

    def set_forward(self, seconds: float) -> None:
        self.offset += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Situation:
    """What is changed, and what must come of it. *guard* names the guardrail that objects, or what stops."""

    says: str
    guard: str
    outcome: Outcome | str  # of the guardrail; LATE or STOPPED
    evidence: str  # found in the reason, or in what was observed
    policy: str = ""
    ceiling: str = ""  # a policy above it
    now: datetime | None = None
    facts: Mapping[str, Look] = field(default_factory=dict)
    experiment: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.says


@dataclass(frozen=True)
class Met:
    """What came of a situation."""

    record: Record
    generations: tuple[int, int]  # of the target, before and after

    @property
    def injections(self) -> int:
        return len(self.record.all(EventKind.INJECTING))

    @property
    def undo(self) -> str:
        """How the undo ended, or "" where there was none."""
        ended = self.record.last(EventKind.UNDO_FINISHED)
        return str(ended.data["state"]) if ended else ""

    def decision(self, guard: str) -> Mapping[str, Any]:
        """Return the last decision of a guardrail, or of what stopped the run."""
        said = [
            event.data for event in self.record.all(EventKind.DECISION) if event.data["guardrail"] == guard
        ]
        return said[-1] if said else {}


PlayedRun = Any  # a LiveRun


def always(value: object) -> Look:
    """Say the same each time; an exception is raised, as by a source that fails."""

    def look(_run: PlayedRun, _nth: int) -> object:
        if isinstance(value, Exception):
            raise value
        return value

    return look


def then(*values: object) -> Look:
    """Say one thing after another; the last from then on. None is what the lab itself says."""

    def look(run: PlayedRun, nth: int) -> object:
        value = values[min(nth, len(values) - 1)]
        return always(value)(run, nth)

    return look


def once_injected(value: object) -> Look:
    """Say what the lab says until the fault is in, and *value* from then on."""

    def look(run: PlayedRun, _nth: int) -> object:
        return None if run.injecting_at is None else value

    return look


def changed(*, later: bool = False, **fields: object) -> Look:
    """Say what the lab says with *fields* changed: from the first look on, or only at the last moment."""

    def look(_run: PlayedRun, nth: int) -> object:
        return (lambda real: replace(real, **fields)) if nth or not later else None

    return look


def slept(seconds: float, value: object) -> Look:
    """Say *value*, but so slowly that it is *seconds* old when it is used."""

    def look(run: PlayedRun, nth: int) -> object:
        if nth == 0:
            run.clock.set_forward(seconds)
        return value

    return look


def meet(
    situations: Sequence[Situation], cluster: Any, text: Callable[..., str], *, ledger_url: str
) -> dict[str, Met]:
    """Let a run meet each of *situations*, inside one Prefect flow.

    They have a ledger of their own: some are dated years ahead, and would be "the last run" for ever after.
    """
    from prefect import flow

    met: dict[str, Met] = {}

    @flow(name="adversary", persist_result=False)
    def adversary() -> None:
        for situation in situations:
            before = _generation(cluster)
            record = _meet(situation, text, ledger_url)
            met[situation.says] = Met(record, (before, _generation(cluster)))

    adversary()
    return met


def _meet(situation: Situation, text: Callable[..., str], ledger_url: str) -> Record:
    from flows.experiment import follow_the_runbook
    from tasks.conclude import verify
    from tasks.facts import GATHERERS
    from tasks.failures import failures_recorded
    from tasks.live_run import LiveRun
    from tasks.request import RunRequest
    from windtunnel.files import parse_experiment, parse_policy, stacked
    from windtunnel.ledger import Origin, open_ledger

    written = text(**situation.experiment)
    texts = ((situation.policy, "windtunnel.yaml"), (situation.ceiling, "installation.yaml"))
    policy = stacked([parse_policy(text, source) for text, source in texts if text])
    experiment = parse_experiment(written, "experiment.yaml", policy=policy)
    request = RunRequest(experiment_text=written, seed=7)
    with open_ledger(ledger_url) as ledger:
        clock = PlayedClock(situation.now)
        run = LiveRun(
            run_id=request.run_id, seed=7, request=request, experiment=experiment, policy=policy,
            ledger=ledger, clock=clock, log=logging.getLogger("adversary"),
            gatherers={name: _played(name, real, situation) for name, real in GATHERERS.items()},
        )  # fmt: skip
        ledger.begin(run.run_id, experiment.name, origin=Origin(seed=7), at=clock.now())
        with failures_recorded(run):
            follow_the_runbook(run)
        verify(run)
        return ledger.read(run.run_id)


def _played(name: str, real: Callable[..., object], situation: Situation) -> Callable[..., object]:
    look = situation.facts.get(name)
    if look is None:
        return real
    looks = count()

    def played(run: PlayedRun, policy: Any) -> object:
        said = look(run, next(looks))
        if said is None:
            return real(run, policy)
        return said(real(run, policy)) if callable(said) else said

    return played


def _generation(cluster: Any) -> int:
    return int(cluster.get("Deployment", "payments", "shop")["metadata"]["generation"])
