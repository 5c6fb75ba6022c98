"""Which tickets are due: those whose run holds no lease any more, and those whose time is up."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.clients.ticket_body import About, TicketOnCluster
from windtunnel.model.ticket import ObjectRef, UndoStep, UndoTicket
from windtunnel.undo.due import KEPT, due, guarded, in_order, over

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
REF = ObjectRef("Deployment", "payments", "shop", "uid-1")


def ticket(run_id: str = "run-a", *, order: int = 0, steps: bool = True, **changes) -> TicketOnCluster:
    written = UndoTicket(
        run_id=run_id,
        fault="deployment-scale",
        targets=(REF,),
        steps=(UndoStep(REF, "/spec/replicas", 3, 4),) if steps else (),
        parameters={},
        created_at=NOW - timedelta(minutes=1),
        expires_at=NOW + timedelta(minutes=1),
        number=order + 1,
    )
    found = TicketOnCluster(written.id, "injected", written, run_id=run_id, about=About(order=order))
    return replace(found, **changes)


def names(found) -> list[str]:
    return [one.found.name for one in found]


HELD = {"run-a": NOW + timedelta(seconds=10)}


def test_a_run_that_holds_a_lease_undoes_its_own():
    assert due([ticket()], HELD, NOW) == ()


@pytest.mark.parametrize("state", ["prepared", "injected", "undoing", "failed"])
def test_a_run_without_a_lease_is_undone_whatever_its_ticket_says(state):
    assert names(due([ticket(state=state)], {}, NOW)) == [ticket().name]


def test_a_lease_that_ran_out_is_none():
    assert names(due([ticket()], {"run-a": NOW}, NOW)) == [ticket().name]


def test_a_lease_without_a_readable_time_counts_as_held():
    assert due([ticket()], {"run-a": None}, NOW) == ()


def test_a_ticket_whose_time_is_up_is_due_whoever_holds_what():
    (found,) = due([ticket()], HELD | {"run-a": None}, NOW + timedelta(minutes=1))
    assert found.why == "its time is up"


def test_the_lease_of_another_run_keeps_nobody_alive():
    assert names(due([ticket("run-b")], HELD, NOW)) == [ticket("run-b").name]


def test_a_closed_ticket_is_not_due():
    assert due([ticket(state="undone")], {}, NOW) == ()


def test_a_ticket_that_cannot_be_read_is_left_to_a_person():
    assert due([ticket(ticket=None, error="not an undo ticket")], {}, NOW) == ()


def test_undo_goes_backwards_within_a_run_and_what_only_waits_comes_last():
    first, second = ticket(order=0), ticket(order=1)
    waits = ticket(order=2, steps=False)
    assert in_order([first, waits, second]) == (second, first, waits)


@pytest.mark.parametrize(("tries", "pause_s"), [(1, 2), (2, 4), (5, 32), (6, 60), (40, 60)])
def test_an_undo_that_failed_is_tried_again_after_a_pause_that_doubles(tries, pause_s):
    failed = ticket(state="failed", tries=tries, tried_at=NOW)
    assert due([failed], {}, NOW + timedelta(seconds=pause_s - 0.1)) == ()
    assert len(due([failed], {}, NOW + timedelta(seconds=pause_s))) == 1


def test_a_closed_ticket_is_guarded_and_then_removed():
    closed = ticket(state="undone")
    end = closed.ticket.expires_at + KEPT
    assert guarded([closed], NOW) == (closed,)
    assert over([closed], NOW) == ()
    assert guarded([closed], end) == ()
    assert over([closed], end) == (closed,)
    assert over([ticket()], end) == ()


@given(
    held_s=st.dictionaries(st.sampled_from(["run-a", "run-b"]), st.integers(-100, 100)),
    at_s=st.integers(-50, 200),
    later_s=st.integers(0, 100),
)
def test_what_is_due_stays_due_until_it_is_undone_or_its_run_renews(held_s, at_s, later_s):
    held = {run: NOW + timedelta(seconds=s) for run, s in held_s.items()}
    tickets = [ticket("run-a"), ticket("run-b")]
    now = NOW + timedelta(seconds=at_s)
    assert set(names(due(tickets, held, now))) <= set(
        names(due(tickets, held, now + timedelta(seconds=later_s)))
    )
