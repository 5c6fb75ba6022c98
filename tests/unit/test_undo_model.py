"""A model of everything that can befall a fault and its ticket, against a real API server.

Runs begin, write tickets, inject, undo, are killed, or sleep until they are taken for dead and then wake;
people change what they like; the janitor comes by. At every moment a fault has a ticket that somebody will
undo, and in the end everything is as it was, or as a person has set it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from windtunnel.clients import tickets
from windtunnel.clients.lease import give_back, take
from windtunnel.clients.lease_body import Asking
from windtunnel.clock import SystemClock
from windtunnel.faults import load_fault
from windtunnel.faults.marked_change import mark_of
from windtunnel.model.claim import Claim
from windtunnel.model.errors import ConflictError, FaultError, LeaseHeldError, NotFoundError
from windtunnel.model.experiment import Target
from windtunnel.model.ticket import UndoState, UndoTicket
from windtunnel.undo.attempt import undone
from windtunnel.undo.sweep import sweep, undo_run

CLOCK = SystemClock()
VALUES = st.integers(1, 4)


class Life(Enum):
    """Whether a run's process lives."""

    AWAKE = auto()
    ASLEEP = auto()  # suspended until its lease has run out
    DEAD = auto()


@dataclass
class Run:
    """One run, as far as its process knows it."""

    ticket: UndoTicket
    asking: Asking
    life: Life = Life.AWAKE
    written: bool = False
    injected: bool = False
    over: bool = False


def may_write(run: Run) -> bool:
    return run.life is Life.AWAKE and not (run.over or run.written)


def may_inject(run: Run) -> bool:
    return run.life is Life.AWAKE and run.written and not (run.over or run.injected)


def may_undo(run: Run) -> bool:
    return run.life is Life.AWAKE and run.written and not run.over


def goes_on(run: Run) -> bool:
    return not run.over


def is_awake(run: Run) -> bool:
    return run.life is Life.AWAKE and not run.over


def sleeps(run: Run) -> bool:
    return run.life is Life.ASLEEP and not run.over


def has_a_ticket(run: Run) -> bool:
    return run.written


def some(suits: Callable[[Run], bool]):
    """Offer a rule only where there is a run that it suits."""
    return precondition(lambda world: bool(world._those(suits)))


class World(RuleBasedStateMachine):
    """One deployment, and all who have to do with it. The fixtures are set on the class by the test."""

    cluster = plan = make_deployment = new_namespace = None

    @initialize()
    def lay_out(self):
        self.namespace = type(self).new_namespace()
        self.thing = f"{self.namespace}/deployment/checkout"
        type(self).make_deployment(self.namespace, replicas=2)
        self.expected = 2
        self.runs: list[Run] = []

    # what runs do

    @precondition(lambda world: not world._those(is_awake))
    @rule(wanted=VALUES, writes=st.sampled_from([True, True, True, False]))
    def a_run_begins(self, wanted, writes):
        target = Target(namespace=self.namespace, workload="deployment/checkout")
        try:
            ticket = self.plan(load_fault("deployment-scale"), target, replicas=wanted)
        except FaultError:  # it has that number already
            return
        asking = Asking(ticket.run_id, Claim(self.thing), 60.0)
        try:
            take(self.cluster, asking, CLOCK)
        except LeaseHeldError:
            return
        if self._open():  # as the guardrail neighbours does
            give_back(self.cluster, asking, CLOCK)
            return
        self.runs.append(Run(ticket, asking))
        if writes:
            self._write(self.runs[-1])

    @some(may_write)
    @rule(data=st.data())
    def a_run_writes_its_ticket(self, data):
        self._write(self._one(data, may_write))

    @some(may_inject)
    @rule(data=st.data())
    def a_run_injects(self, data):
        self._inject(self._one(data, may_inject))

    @some(may_undo)
    @rule(data=st.data())
    def a_run_undoes(self, data):
        self._undo(self._one(data, may_undo))

    @some(goes_on)
    @rule(data=st.data())
    def a_run_is_killed(self, data):
        run = self._one(data, goes_on)
        run.life, run.over = Life.DEAD, True
        self._lose_lease(run)

    @some(goes_on)
    @rule(data=st.data())
    def a_run_falls_asleep_until_its_lease_has_run_out(self, data):
        run = self._one(data, goes_on)
        run.life = Life.ASLEEP
        self._lose_lease(run)

    @some(sleeps)
    @rule(data=st.data(), dies=st.booleans())
    def a_run_wakes(self, data, dies):
        """It goes on where it was; it finds out and undoes, unless it is killed before it can."""
        run = self._one(data, sleeps)
        run.life = Life.AWAKE
        if run.written and not run.injected:
            self._inject(run, dies=dies)
        if dies:
            run.life, run.over = Life.DEAD, True
        elif run.written:
            self._undo(run)
        else:
            run.over = True

    # what others do

    @rule(value=VALUES)
    def somebody_scales(self, value):
        before, step = self._found(), None
        for run in self.runs:
            if mark_of(before) == run.ticket.run_id:
                (step,) = run.ticket.steps
        patch = {"spec": {"replicas": value}}
        self.cluster.patch_merge("Deployment", "checkout", self.namespace, patch=patch)
        taken_for_the_runs_own = step is not None and value == step.changed_to
        self.expected = step.before if taken_for_the_runs_own else value

    @rule()
    def the_janitor_comes_by(self):
        sweep(self.cluster, clock=CLOCK, load_fault=load_fault)

    @some(has_a_ticket)
    @rule(data=st.data())
    def a_person_undoes(self, data):
        run = self._one(data, has_a_ticket)
        undo_run(self.cluster, run.ticket.run_id, clock=CLOCK, load_fault=load_fault)

    # what holds

    @invariant()
    def every_fault_has_a_ticket(self):
        if mark := mark_of(self._found()):
            (found,) = tickets.list_all(self.cluster, run_id=mark)
            assert found.ticket is not None

    def teardown(self):
        if not hasattr(self, "runs"):
            return
        for run in self.runs:
            self._lose_lease(run)
        for _ in range(3):
            sweep(self.cluster, clock=CLOCK, load_fault=load_fault)
        self._all_is_as_it_was()
        for run in self.runs:  # undoing again changes nothing
            assert undone(self.cluster, run.ticket, load_fault).state is UndoState.CLEAN
        self._all_is_as_it_was()
        for run in self.runs:
            tickets.delete(self.cluster, run.ticket)

    def _all_is_as_it_was(self):
        found = self._found()
        assert (found["spec"]["replicas"], mark_of(found), self._open()) == (self.expected, "", [])

    def _write(self, run: Run) -> None:
        tickets.write(self.cluster, run.ticket)
        run.written = True

    def _inject(self, run: Run, *, dies: bool = False) -> None:
        run.injected = True
        try:
            load_fault("deployment-scale").inject(self.cluster, run.ticket)
        except FaultError:
            return
        if dies:
            return
        try:  # as tasks.own_tickets.confirm does
            tickets.mark(self.cluster, run.ticket, "injected", expect=("prepared",))
        except NotFoundError:
            tickets.write(self.cluster, run.ticket, state="injected")
        except ConflictError:
            tickets.mark(self.cluster, run.ticket, "injected")

    def _undo(self, run: Run) -> None:
        assert undone(self.cluster, run.ticket, load_fault).state is UndoState.CLEAN
        tickets.delete(self.cluster, run.ticket)
        give_back(self.cluster, run.asking, CLOCK)
        run.over = True

    def _those(self, suits) -> list[int]:
        return [n for n, run in enumerate(self.runs) if suits(run)]

    def _one(self, data, suits) -> Run:
        return self.runs[data.draw(st.sampled_from(self._those(suits)))]

    def _lose_lease(self, run: Run) -> None:
        give_back(self.cluster, run.asking, CLOCK)

    def _found(self):
        return self.cluster.get("Deployment", "checkout", self.namespace)

    def _open(self):
        mine = {run.ticket.run_id for run in self.runs}
        return [one.name for one in tickets.list_open(self.cluster) if one.run_id in mine]


@pytest.mark.timeout(300)
def test_whatever_happens_a_fault_has_a_ticket_and_all_is_put_back(cluster, plan, make_deployment):
    from tests.unit.conftest import new_namespace

    class Here(World):
        pass

    Here.cluster, Here.plan = cluster, staticmethod(plan)
    Here.make_deployment = staticmethod(make_deployment)
    Here.new_namespace = staticmethod(lambda: new_namespace(cluster))
    quick = settings(
        max_examples=60,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking against a server takes minutes
    )
    run_state_machine_as_test(Here, settings=quick)
