"""What a run needs is lost while its fault is in: it is undone all the same, and no lie is told.

Real runs, each a process of its own on a lane of its own, against a real lab and a real Prefect server.
"""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.kill.course import course
from tests.kill.lane import CLOCK, Lane, workload
from windtunnel.cli.prefect_server import start_server, stop_server
from windtunnel.faults import load_fault
from windtunnel.undo.sweep import sweep

pytestmark = [pytest.mark.lab, pytest.mark.prefect, pytest.mark.timeout(400)]
LONGEST_S = 90.0
Lose = Callable[[Lane, int], None]


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended, and what it left. Seconds from the loss to the end of the process."""

    status: int
    verdict: str
    undo: str
    left: list[str]  # of tickets, marks and changes
    replicas: int | None  # of the workload, where there still is one
    took_s: float
    said: str


def run_and_lose(lane: Lane, lose: Lose) -> End:
    """Start a run, let *lose* have its way as soon as the fault is in, and wait for the end."""
    file = lane.file("deployment-scale", duration="6s")
    command = [sys.executable, "-m", "windtunnel.cli", "run", str(file), "--json"]
    environment = {**os.environ, "WINDTUNNEL_LEDGER": f"sqlite:///{lane.folder}/ledger.db"}
    noted = (lane.folder / "output").open("wb")
    with noted, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=noted, env=environment) as process:
        until = CLOCK.monotonic() + LONGEST_S
        while not any(one.state == "injected" for one in lane.open_tickets()):
            assert process.poll() is None, output(lane)
            assert CLOCK.monotonic() < until, output(lane)
            CLOCK.wait(0.1)
        CLOCK.wait(0.5)  # it observes by now
        lose(lane, process.pid)
        lost = CLOCK.monotonic()
        answer, _ = process.communicate(timeout=LONGEST_S)
    took_s = CLOCK.monotonic() - lost
    told: dict[str, Any] = json.loads(answer) if answer.strip() else {}
    return End(
        process.returncode,
        told.get("verdict", ""),
        told.get("undo", ""),
        lane.leftovers() if lane.replicas() is not None else [one.name for one in lane.open_tickets()],
        lane.replicas(),
        took_s,
        json.dumps(told) + output(lane),
    )


def output(lane: Lane) -> str:
    """Return what the run wrote to its standard error."""
    return (lane.folder / "output").read_text(errors="replace")[-6000:]


def delete_the_target(lane: Lane, _pid: int) -> None:
    lane.cluster.delete("Deployment", "web", lane.name)


def replace_the_target(lane: Lane, _pid: int) -> None:
    delete_the_target(lane, _pid)
    lane.cluster.create("Deployment", workload(lane.name, lane.node), lane.name)


def steal_the_lease(lane: Lane, _pid: int) -> None:
    stolen = {"spec": {"holderIdentity": "somebody-else"}}
    for lease in lane.leases():
        lane.cluster.patch_merge("Lease", lease["metadata"]["name"], "windtunnel", patch=stolen)


def delete_the_lease(lane: Lane, _pid: int) -> None:
    lane.forget_leases()


def fill_the_disk(lane: Lane, pid: int) -> None:
    """No file of the run's process can grow any more: to the process, the disk is full."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, 0))


def delete_the_ledger(lane: Lane, _pid: int) -> None:
    for file in lane.folder.glob("ledger.db*"):
        file.unlink()


def restart_prefect(_lane: Lane, _pid: int) -> None:
    stop_server()
    CLOCK.wait(2)
    start_server()


LOSSES: dict[str, Lose] = {
    "the target is deleted": delete_the_target,
    "the target is replaced": replace_the_target,
    "the lease is stolen": steal_the_lease,
    "the lease is deleted": delete_the_lease,
    "the disk is full": fill_the_disk,
    "the ledger is deleted": delete_the_ledger,
}


@pytest.fixture(scope="module")
def ends(tmp_path_factory) -> dict[str, End]:
    """Let every loss befall a run of its own; Prefect's, which befalls all at once, comes last."""
    with course(tmp_path_factory.mktemp("losses"), lanes=len(LOSSES)) as lanes:
        with ThreadPoolExecutor() as pool:
            found = dict(zip(LOSSES, pool.map(run_and_lose, lanes, LOSSES.values()), strict=True))
        found["Prefect's server is restarted"] = run_and_lose(lanes[-1], restart_prefect)
        sweep(lanes[0].cluster, clock=CLOCK, load_fault=load_fault)
        return found


def test_whatever_is_lost_nothing_is_left(ends):
    assert {loss: end.left for loss, end in ends.items() if end.left} == {}
    gone = {loss for loss, end in ends.items() if end.replicas != 2}
    assert gone == {"the target is deleted"}


@pytest.mark.parametrize(
    ("loss", "status", "verdict", "says"),
    [
        ("the target is deleted", 4, "inconclusive", "was deleted by someone else since"),
        ("the target is replaced", 4, "inconclusive", "was replaced by someone else since"),
        ("the lease is stolen", 5, "aborted", "somebody-else holds it now"),
        ("the lease is deleted", 5, "aborted", "somebody deleted it"),
        # nor can its standard error be written; the status tells that no undo is on record
        ("the disk is full", 6, "", ""),
        ("the ledger is deleted", 7, "", "windtunnel status --cluster lab"),
        ("Prefect's server is restarted", 0, "passed", ""),
    ],
)
def test_whatever_is_lost_the_run_tells_no_lie(ends, loss, status, verdict, says):
    end = ends[loss]
    assert (end.status, end.verdict) == (status, verdict), end.said
    assert end.undo == ("clean" if verdict else "")
    assert says in end.said


def test_whatever_is_lost_the_run_ends_in_time(ends):
    within_s = 6 + 3 + 30  # the duration, the recovery, and what Prefect may take to be told
    assert {loss: end.took_s for loss, end in ends.items() if end.took_s > within_s} == {}


def test_nothing_is_said_to_be_as_it_was_where_somebody_else_changed_it(ends):
    for loss in ("the target is deleted", "the target is replaced"):
        assert "All is back as it was" not in ends[loss].said
        assert "what somebody else did is left alone" in ends[loss].said
