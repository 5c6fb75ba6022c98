"""Undo tickets in the ledger move by compare-and-set, along the allowed ways alone."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from windtunnel.ledger import TicketState, open_ledger
from windtunnel.ledger.tickets import MOVES
from windtunnel.model.errors import LedgerError
from windtunnel.model.forms import ticket_form, ticket_of
from windtunnel.model.ticket import ObjectRef, UndoStep, UndoTicket

NOW = datetime(2026, 11, 21, tzinfo=UTC)
CHECKOUT = ObjectRef("Deployment", "checkout", "shop", "uid-1")
TICKET = UndoTicket(
    run_id="run-1",
    fault="deployment-scale",
    targets=(CHECKOUT,),
    steps=(UndoStep(CHECKOUT, "/spec/replicas", before=3, changed_to=None),),
    parameters={"to": 1, "nested": {"a": [1]}},
    created_at=NOW,
    expires_at=NOW + timedelta(minutes=5),
    cluster="lab",
)


@pytest.fixture
def ledger(address):
    with open_ledger(address) as opened:
        opened.begin("run-1", "x")
        yield opened


def state_of(ledger):
    return ledger.tickets("run-1")[0].state


def test_a_ticket_survives_the_way_through_json():
    assert ticket_of(ticket_form(TICKET)) == TICKET


def test_a_new_ticket_is_prepared_and_open(ledger):
    ledger.save_ticket(TICKET)

    (stored,) = ledger.open_tickets()
    assert (stored.ticket, stored.state) == (TICKET, TicketState.PREPARED)


def test_a_ticket_goes_its_way_and_is_no_longer_open_when_undone(ledger):
    ledger.save_ticket(TICKET)

    for expect, to in (("prepared", "injected"), ("injected", "undoing"), ("undoing", "undone")):
        assert ledger.move_ticket(TICKET.id, expect=TicketState(expect), to=TicketState(to))

    assert state_of(ledger) is TicketState.UNDONE
    assert ledger.open_tickets() == ()


def test_a_failed_undo_stays_open_with_its_reason_and_can_be_tried_again(ledger):
    ledger.save_ticket(TICKET)
    ledger.move_ticket(TICKET.id, expect=TicketState.PREPARED, to=TicketState.UNDOING)
    ledger.move_ticket(TICKET.id, expect=TicketState.UNDOING, to=TicketState.FAILED, detail="API gone")

    (stored,) = ledger.open_tickets()
    assert (stored.state, stored.detail) == (TicketState.FAILED, "API gone")
    assert ledger.move_ticket(TICKET.id, expect=TicketState.FAILED, to=TicketState.UNDOING)


def test_a_ticket_in_another_state_is_left_alone(ledger):
    ledger.save_ticket(TICKET)

    assert not ledger.move_ticket(TICKET.id, expect=TicketState.INJECTED, to=TicketState.UNDOING)
    assert not ledger.move_ticket("unknown", expect=TicketState.PREPARED, to=TicketState.INJECTED)
    assert state_of(ledger) is TicketState.PREPARED


@pytest.mark.parametrize(
    ("expect", "to"), [(a, b) for a in TicketState for b in TicketState if b not in MOVES[a]]
)
def test_no_ticket_goes_a_way_that_is_not_allowed(ledger, expect, to):
    with pytest.raises(LedgerError, match=f"cannot go from {expect} to {to}"):
        ledger.move_ticket(TICKET.id, expect=expect, to=to)


def test_of_many_that_undo_the_same_ticket_exactly_one_wins(ledger):
    ledger.save_ticket(TICKET)
    gate, won = threading.Barrier(6), []

    def undo():
        gate.wait()
        won.append(ledger.move_ticket(TICKET.id, expect=TicketState.PREPARED, to=TicketState.UNDOING))

    threads = [threading.Thread(target=undo) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(won) == [False] * 5 + [True]


def test_open_tickets_come_with_the_earliest_deadline_first(ledger):
    for number, fault in enumerate(("c", "a", "b")):
        ledger.save_ticket(replace(TICKET, fault=fault, expires_at=NOW + timedelta(minutes=9 - number)))

    assert [stored.ticket.fault for stored in ledger.open_tickets()] == ["b", "a", "c"]


def test_a_ticket_is_written_once(ledger):
    ledger.save_ticket(TICKET)

    with pytest.raises(LedgerError, match="exists already"):
        ledger.save_ticket(TICKET)


def test_a_ticket_of_a_run_that_was_never_begun_is_refused(ledger):
    with pytest.raises(LedgerError, match="never begun"):
        ledger.save_ticket(replace(TICKET, run_id="ghost"))
