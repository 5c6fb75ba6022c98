"""Runs killed at named points and at random times leave nothing, once the janitor's bound is over.

This is a sample; `make kill-matrix N=500` does them all, several times over.
"""

import signal
from pathlib import Path

import pytest

from tests.kill.course import course, janitors
from tests.kill.killing import Kill
from tests.kill.lane import FAULTS
from tests.kill.matrix import carry_out, kills
from tests.kill.points import points

pytestmark = [pytest.mark.lab, pytest.mark.prefect, pytest.mark.timeout(300)]
SAMPLE = [
    Kill("deployment-scale", "after the ticket is kept"),
    Kill("deployment-scale", "before the change is made"),
    Kill("deployment-scale", "after the change is made", restart=True),
    Kill("deployment-scale", "after the change is taken back"),
    Kill("pod-delete", "after the change is made"),
    Kill("pod-delete", "before the ticket is removed"),
    Kill("node-drain", "after the change is made"),
    Kill("node-drain", "after a pod is evicted"),
    Kill("node-drain", "after the end of undo is on record"),
    Kill("node-drain", "after the change is made", signal.SIGTERM),
]


def test_every_fault_has_at_least_a_dozen_points():
    assert {fault: len(points(fault)) >= 12 for fault in FAULTS} == dict.fromkeys(FAULTS, True)


def test_many_kills_come_to_every_fault_and_point():
    done = {(kill.fault, kill.point) for kill in kills(500, seed=7)}
    assert {(fault, point) for fault in FAULTS for point in points(fault)} <= done


def test_killed_runs_leave_nothing_behind(tmp_path: Path):
    with course(tmp_path, lanes=4) as lanes, janitors(2, tmp_path):
        done = carry_out(lanes, SAMPLE)
    assert [outcome for outcome in done if outcome.leftovers] == []
    assert [outcome.kill for outcome in done if not outcome.reached] == []
    assert sum(outcome.injected for outcome in done) >= 5
    assert {outcome.restarted for outcome in done} <= {None, 3}  # what is left blocks the next run
    terminated = [outcome for outcome in done if outcome.kill.number is signal.SIGTERM]
    assert not any(outcome.injected for outcome in terminated)  # it has undone before it ended
