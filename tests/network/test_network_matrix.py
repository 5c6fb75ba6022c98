"""Runs through a bad network tell no lie, hang nowhere, and leave nothing once the janitor has been by.

This is a sample; `make network N=500` hits every call in turn.
"""

from pathlib import Path

import pytest

from tests.kill.course import course
from tests.network.matrix import go, kinds, trips
from tests.network.route import SERVICES, routes
from tests.network.toxic import Toxic
from tests.network.trip import Arrival, Trip

pytestmark = [pytest.mark.lab, pytest.mark.prefect, pytest.mark.timeout(400)]
SCALE, DELETE, DRAIN = "deployment-scale", "pod-delete", "node-drain"
PATCH = "PATCH /apis/apps/v1/namespaces/lane"
SAMPLE = [
    Trip(SCALE, "kubernetes", Toxic("lose the answer", on=PATCH)),
    Trip(SCALE, "kubernetes", Toxic("done, and 500", on=PATCH)),
    Trip(SCALE, "kubernetes", Toxic("half the JSON", on=PATCH)),
    Trip(SCALE, "kubernetes", Toxic("drop", on=PATCH)),
    Trip(SCALE, "kubernetes", Toxic("drop", on=PATCH, stays=True)),
    Trip(SCALE, "kubernetes", Toxic("lose the answer", on="POST /api/v1/namespaces/windtunnel/configmaps")),
    Trip(SCALE, "kubernetes", Toxic("reset", on="/leases")),
    Trip(DELETE, "kubernetes", Toxic("done, and 500", on="DELETE /api/v1/namespaces/lane")),
    Trip(DELETE, "kubernetes", Toxic("429", on="DELETE /api/v1/namespaces/windtunnel/configmaps")),
    Trip(DRAIN, "kubernetes", Toxic("reset", on="/eviction")),
    Trip(DRAIN, "kubernetes", Toxic("half an answer", on="PATCH /api/v1/nodes")),
    Trip(SCALE, "prometheus", Toxic("half the JSON", at=3)),
    Trip(SCALE, "prometheus", Toxic("503", at=5, stays=True)),
    Trip(SCALE, "slack", Toxic("429", at=0, stays=True)),
    Trip(DELETE, "slack", Toxic("drop", at=1)),
    Trip(SCALE, "prefect", Toxic("503", on="POST /api/flow_runs")),
    Trip(DELETE, "prefect", Toxic("drop", at=20, stays=True)),
    Trip(SCALE, "postgresql", Toxic("drop", at=40)),
    Trip(DRAIN, "postgresql", Toxic("hang", at=60, stays=True)),
]


@pytest.fixture(scope="module")
def arrivals(tmp_path_factory, postgres_server) -> list[Arrival]:
    """Make all trips of the sample."""
    home: Path = tmp_path_factory.mktemp("network")
    with course(home, lanes=4) as lanes, routes(lanes, postgres_server) as ways:
        return go(ways, SAMPLE)


def test_no_run_told_a_lie_or_left_anything(arrivals):
    assert [(arrival.wrong(), arrival) for arrival in arrivals if arrival.wrong()] == []


def test_every_toxic_hit_a_call(arrivals):
    assert [arrival.trip for arrival in arrivals if not arrival.hit] == []


def test_one_lost_answer_costs_no_run_its_verdict(arrivals):
    slack = [arrival.verdict for arrival in arrivals if arrival.trip.service == "slack"]
    assert slack == ["passed"] * len(slack)


def test_the_matrix_comes_to_every_service_and_toxic():
    counted = {fault: dict.fromkeys(SERVICES, 70) for fault in (SCALE, DELETE, DRAIN)}
    chosen = trips(500, counted, seed=7)
    assert {(trip.service, trip.toxic.kind) for trip in chosen} == {
        (service, kind) for service in SERVICES for kind in kinds(service)
    }
    assert sum(trip.toxic.stays for trip in chosen) == 500 // 6


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"verdict": "deviated", "status": 1}, "deviated, though nothing did"),
        ({"changed": False}, "passed, though nothing was hit"),
        ({"verdict": "blocked", "status": 3}, "blocked, though something was hit"),
        ({"verdict": "not_tested", "status": 4, "reason": "It broke."}, "denied that something was hit"),
        ({"left": ("ticket a is injected",)}, "said that the undo is clean, and left"),
        ({"left_at_last": ("ticket a is injected",)}, "left ('ticket a"),
        ({"status": 5}, "exit status 5, where 0 is right"),
        ({"undo": "failed"}, "exit status 0, where 6 is right"),
        ({"status": None, "verdict": "", "undo": ""}, "took 9 s"),
        ({"took_s": 200.0}, "took 200 s"),
    ],
)
def test_every_lie_is_found(change, told):
    good = {
        "trip": SAMPLE[0],
        "hit": "PATCH",
        "status": 0,
        "verdict": "passed",
        "reason": "",
        "undo": "clean",
        "changed": True,
        "took_s": 9.0,
        "left": (),
        "left_at_last": (),
    }
    assert Arrival(**good).wrong() == []
    found = Arrival(**{**good, **change}).wrong()
    assert any(wrong.startswith(told) for wrong in found), found
