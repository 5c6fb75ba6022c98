"""Situations in which a run must not begin, or must stop: each with its decision and evidence."""

import pytest

from tests.flows.adversary import STOPPED, Met, meet
from tests.flows.situations import SITUATIONS
from windtunnel.model.decision import Outcome

pytestmark = [pytest.mark.lab, pytest.mark.prefect, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def met(prefect_server, lab, tmp_path_factory) -> dict[str, Met]:
    """Meet all situations, one after another; the slow facts are watched faster than usual."""
    from tasks import slow_watch
    from tests.flows.conftest import experiment_text
    from windtunnel.clients.cluster import connect
    from windtunnel.clients.installation import cluster_entry
    from windtunnel.model.policy import Policy

    usual, slow_watch.EVERY_S = slow_watch.EVERY_S, 0.5
    try:
        lab_cluster = connect(cluster_entry(Policy(), "lab"))
        url = f"sqlite:///{tmp_path_factory.mktemp('adversary')}/ledger.db"
        return meet(SITUATIONS, lab_cluster, experiment_text, ledger_url=url)
    finally:
        slow_watch.EVERY_S = usual


def test_there_are_at_least_sixty_and_each_is_told_apart():
    assert len({situation.says for situation in SITUATIONS}) == len(SITUATIONS) >= 60


@pytest.mark.parametrize("situation", SITUATIONS, ids=str)
def test_in_every_situation_the_right_one_objects_with_its_evidence(met, situation):
    came = met[situation.says]
    if isinstance(situation.outcome, Outcome):
        said = came.decision(situation.guard)
        assert said["outcome"] == situation.outcome.name.lower(), said
        assert situation.evidence in f"{said['reason']} {said['observed']}"
    else:
        ended = [event for event in came.record.events if event.kind in {"run.abort", "run.blocked"}]
        assert situation.evidence in ended[-1].message
    if situation.outcome == STOPPED:
        assert (came.injections, came.undo) == (1, "clean")
    else:
        assert came.injections == 0
        assert came.generations[0] == came.generations[1]
