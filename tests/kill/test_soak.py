"""A soak of some seconds leaves nothing and says so; `make soak MINUTES=10` does it for longer."""

import re
from pathlib import Path

import pytest

from tests.kill.memory import Memory
from tests.kill.soak import soak

pytestmark = [pytest.mark.lab, pytest.mark.prefect, pytest.mark.timeout(180)]
LAST = r"soak: 0\.1 minutes, \d+ runs, \d+ kills, leftovers: 0, janitor [+-]\d+\.\d MB, runner [+-]\d+\.\d MB"


def test_runs_and_janitors_that_are_killed_at_random_leave_nothing(tmp_path: Path):
    soaked = soak(tmp_path, minutes=0.1, seed=7, lanes=2)
    assert soaked.leftovers == []
    assert any(trip.end.reached for trip in soaked.trips)
    assert soaked.janitor_kills > 0
    assert {told.partition(":")[0] for told in soaked.in_one_process} == {"Passed"}
    assert min(soaked.janitor.seen + soaked.runner.seen) > 10
    assert re.fullmatch(LAST, soaked.text().splitlines()[-1])


def test_growth_is_counted_from_when_a_process_is_warm():
    seen = [20.0, 50.0, 51.0, 51.0, 52.0, 52.0, 52.0, 53.0, 53.0, 53.5]
    memory = Memory("runner", 1, seen)
    assert memory.growth() == 3.5
    assert memory.line() == "runner: 50.0, 51.0, 52.0, 53.0, 53.5 MB after each fifth of the time"


def test_a_process_that_is_over_has_no_memory():
    gone = Memory("janitor", 2**22 + 1)
    gone.look()
    assert (gone.seen, gone.growth()) == ([], 0.0)
