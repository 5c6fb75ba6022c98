"""The lab's API answers as a real v1.36 API server did, step by step of every recorded conversation.

left_out.json names the steps that the lab answers otherwise, with the reason; a step in it that matches after
all fails its test, so that the list stays true.
"""

import argparse
import json
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import requests

HERE = Path(__file__).parent
SCENARIOS = HERE.parents[1].parent / "shared" / "kubernetes-contract" / "scenarios"
LEFT_OUT: dict[str, str] = json.loads((HERE / "left_out.json").read_text())
SETTLES_S = 3.0  # for a controller to have caught up with a write

pytestmark = [pytest.mark.contract, pytest.mark.timeout(180), pytest.mark.xdist_group("contract")]


def scenario_files() -> list[Any]:
    files = sorted(SCENARIOS.glob("*.json"))
    if not files:
        absent = pytest.mark.skip(reason=f"The recorded contract is not here: {SCENARIOS}")
        return [pytest.param(None, id="absent", marks=absent)]
    return [pytest.param(file, id=file.stem) for file in files]


@pytest.mark.parametrize("file", scenario_files())
def test_every_step_is_answered_as_recorded(
    file: Path, replay: ModuleType, options: argparse.Namespace, request: pytest.FixtureRequest
) -> None:
    scenario = json.loads(file.read_text())
    server = replay.Server(options)
    request.addfinalizer(server.plain.close)
    request.addfinalizer(server.admin.close)
    conversation = replay.Replay(server, scenario, options)
    conversation.clear_namespace()
    wrong, matching = [], []
    for step in scenario["steps"]:
        name = f"{scenario['name']}/{step['id']}"
        problems = problems_of(replay, conversation, step, options)
        if problems and name not in LEFT_OUT:
            wrong.append(f"{name}: " + "; ".join(problems[:4]))
        if not problems and name in LEFT_OUT:
            matching.append(f"{name} is left out ({LEFT_OUT[name]}), yet it matches: take it off the list")
    assert not wrong + matching, "\n".join(wrong + matching)


def problems_of(replay: ModuleType, conversation: Any, step: dict, options: argparse.Namespace) -> list[str]:
    """Compare once; but what a controller is still to write may be waited for, as the recorder did.

    Its condition may hold already before the controller has seen the change (an empty slice is a slice).
    """
    until = time.monotonic() + (SETTLES_S if step["method"] == "GET" and step.get("wait") else 0.0)
    while True:
        try:
            problems = replay.compare(step, conversation.answer(step), options)
        except (replay.StepFailed, requests.RequestException) as error:
            return [str(error)]
        if not problems or time.monotonic() >= until:
            return problems
        time.sleep(0.05)


def test_every_step_left_out_exists() -> None:
    if not SCENARIOS.is_dir():
        pytest.skip(f"The recorded contract is not here: {SCENARIOS}")
    recorded = [json.loads(file.read_text()) for file in SCENARIOS.glob("*.json")]
    known = {f"{one['name']}/{step['id']}" for one in recorded for step in one["steps"]}
    assert set(LEFT_OUT) <= known
