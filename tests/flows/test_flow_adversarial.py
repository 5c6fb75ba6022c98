"""Situations in which a run must not begin, or must stop: each with its decision and evidence."""

from datetime import timedelta

import pytest

from guardrails.facts import HaltLever
from tests.flows.adversary import MONDAY, Met, Situation, always, meet, slept, then
from windtunnel.model.decision import Outcome

pytestmark = [pytest.mark.lab, pytest.mark.prefect]
DENY, UNKNOWN, STOPPED = Outcome.DENY, Outcome.UNKNOWN, "stopped"
PULLED = HaltLever(pulled=True, reason="checkout is on fire", by="ana")
RELEASED = HaltLever(pulled=False)
HOURS = """
timezone: Europe/Paris
windows:
  office: {days: Mon-Thu, from: 09:00, to: 16:00}
"""

SITUATIONS = (
    Situation("the lever is pulled", "halt", DENY, "checkout is on fire", facts={"halt": always(PULLED)}),
    Situation(
        "the lever cannot be read", "halt", UNKNOWN, "refused", facts={"halt": always(OSError("refused"))}
    ),
    Situation("the lever was read long ago", "halt", UNKNOWN, "old", facts={"halt": slept(60, RELEASED)}),
    Situation("something else stands for the lever", "halt", UNKNOWN, "str", facts={"halt": always("off")}),
    Situation(
        "the lever is pulled between precheck and injection",
        "halt",
        "late",
        "checkout is on fire",
        facts={"halt": then(RELEASED, PULLED)},
    ),
    Situation("it is Sunday", "window", DENY, "outside", policy=HOURS, now=MONDAY - timedelta(days=1)),
    Situation("it is the minute the window closes", "window", DENY, "outside", policy=HOURS,
              now=MONDAY.replace(hour=15, minute=0)),
    Situation("the window closes before recovery", "window", DENY, "left", policy=HOURS,
              now=MONDAY.replace(hour=14, minute=59, second=55)),
)  # fmt: skip


@pytest.fixture(scope="module")
def met(prefect_server, lab) -> dict[str, Met]:
    """Meet all situations, one after another."""
    from tests.flows.conftest import experiment_text
    from windtunnel.clients.cluster import connect
    from windtunnel.clients.installation import cluster_entry
    from windtunnel.model.policy import Policy

    return meet(SITUATIONS, connect(cluster_entry(Policy(), "lab")), experiment_text)


@pytest.mark.parametrize("situation", SITUATIONS, ids=str)
def test_in_every_situation_the_right_guardrail_objects_with_its_evidence(met, situation):
    came = met[situation.says]
    if isinstance(situation.outcome, Outcome):
        said = came.decision(situation.guard)
        assert said["outcome"] == situation.outcome.name.lower()
        assert situation.evidence in f"{said['reason']} {said['observed']}"
    else:
        ended = [event for event in came.record.events if event.kind in {"run.abort", "run.blocked"}]
        assert situation.evidence in ended[-1].message
    assert came.injections == 0
    assert came.generations[0] == came.generations[1]
