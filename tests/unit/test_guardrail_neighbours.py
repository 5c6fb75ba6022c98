"""Neighbours: start from a run that is alone, and put another one on its things."""

from datetime import timedelta

from guardrails.neighbours import NEIGHBOURS, Neighbour, Neighbours
from tests.unit.guardrail_start import FACTS, NOW, decide, only_objection, refused
from windtunnel.model.decision import Fact, Outcome, worst

UNTIL = NOW + timedelta(seconds=15)
HELD = Neighbour("shop/deployment/checkout", "run-a", "is held by run-a until 09:30:15", UNTIL)
OPEN = Neighbour("node/a", "run-b", "was hit by run-b, whose undo ticket t is still open (failed)")
UNREADABLE = "configmap/t in windtunnel on the cluster cannot be read: x; undo it by hand"


def with_neighbours(*found, unreadable=()):
    return FACTS.with_fact(NEIGHBOURS, Fact(NOW, Neighbours(found, unreadable)))


def test_a_run_that_is_alone_is_allowed():
    assert worst(decide()) is Outcome.ALLOW


def test_another_run_on_a_thing_refuses_and_is_named_with_the_thing_and_its_end():
    objection = only_objection(facts=with_neighbours(HELD))
    assert (objection.guardrail, objection.outcome) == ("neighbours", Outcome.DENY)
    assert objection.reason == "shop/deployment/checkout is held by run-a until 09:30:15."
    assert (objection.evidence.observed, objection.evidence.until) == ("run-a", UNTIL)


def test_an_undo_that_is_still_due_refuses_and_has_no_known_end():
    objection = only_objection(facts=with_neighbours(HELD, OPEN))
    assert objection.reason.endswith("; node/a was hit by run-b, whose undo ticket t is still open (failed).")
    assert objection.evidence.until is None


def test_of_many_neighbours_a_few_are_named_and_the_rest_counted():
    assert refused(facts=with_neighbours(*[HELD] * 8))[2].endswith("; and 5 more.")


def test_a_ticket_that_cannot_be_read_may_be_about_anything():
    guard, outcome, reason = refused(facts=with_neighbours(unreadable=(UNREADABLE,)))
    assert (guard, outcome) == ("neighbours", Outcome.UNKNOWN)
    assert UNREADABLE in reason


def test_a_known_neighbour_outranks_an_unreadable_ticket_and_both_are_told():
    objection = only_objection(facts=with_neighbours(HELD, unreadable=(UNREADABLE,)))
    assert objection.outcome is Outcome.DENY
    assert "run-a" in objection.reason
    assert UNREADABLE in objection.reason
    assert objection.evidence.until is None
