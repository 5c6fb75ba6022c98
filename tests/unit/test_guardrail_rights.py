"""Rights: start from an account that may do everything, and take something away."""

from guardrails.facts import RIGHTS, Rights
from tests.unit.guardrail_start import FACTS, NOW, decide, refused
from windtunnel.model.decision import Fact, Outcome


def test_an_account_with_every_right_is_no_objection():
    assert {decision.outcome for decision in decide()} == {Outcome.ALLOW}


def test_a_missing_right_refuses_and_is_named():
    facts = FACTS.with_fact(RIGHTS, Fact(NOW, Rights(missing=("delete pods in shop",))))
    assert refused(facts=facts) == (
        "rights",
        Outcome.DENY,
        "The account may not delete pods in shop; give it the rights that docs/faults.md lists.",
    )


def test_of_many_missing_rights_a_few_are_named_and_the_rest_counted():
    facts = FACTS.with_fact(RIGHTS, Fact(NOW, Rights(missing=tuple(f"do {n}" for n in range(8)))))
    assert "do 4 and 3 more" in refused(facts=facts)[2]


def test_rights_that_could_not_be_asked_for_refuse():
    facts = FACTS.with_fact(RIGHTS, Fact(NOW, error="connection refused"))
    assert refused(facts=facts)[:2] == ("rights", Outcome.UNKNOWN)
