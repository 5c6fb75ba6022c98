"""The course on which runs are killed: a lab with its own Prefect server, lanes, and janitors."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from infra.lab.down import down
from infra.lab.up import up
from tests.kill.lane import Lane
from windtunnel.cli.prefect_server import start_server, stop_server
from windtunnel.clients.cluster import connect
from windtunnel.clients.installation import cluster_entry
from windtunnel.model.policy import Policy

JANITOR = [sys.executable, "-m", "windtunnel.cli", "janitor", "--watch", "--cluster", "lab"]


@contextmanager
def course(home: Path, lanes: int) -> Iterator[list[Lane]]:
    """Start a lab with its own Prefect server in *home*, with *lanes* lanes."""
    before = os.environ.get("WINDTUNNEL_HOME")
    os.environ["WINDTUNNEL_HOME"] = str(home)
    up(home, nodes=3 + lanes, rate=0.0)
    try:
        start_server()
        cluster = connect(cluster_entry(Policy(), "lab"))
        names = range(1, lanes + 1)
        laid = [Lane(cluster, f"lane-{n}", f"worker-{3 + n}", home / f"lane-{n}") for n in names]
        for lane in laid:
            lane.lay()
        yield laid
    finally:
        stop_server()
        down(home)
        os.environ.pop("WINDTUNNEL_HOME") if before is None else os.environ.update(WINDTUNNEL_HOME=before)


@contextmanager
def janitor(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Let one janitor watch over the lab, a process of its own; what it says is kept in *folder*."""
    with (folder / "janitors").open("ab") as output:
        started = subprocess.Popen(JANITOR, stdout=output, stderr=output)
    try:
        yield started
    finally:
        started.terminate()
        started.wait(20)


@contextmanager
def janitors(number: int, folder: Path) -> Iterator[None]:
    """Let some janitors watch over the lab."""
    with ExitStack() as all_of_them:
        for _ in range(number):
            all_of_them.enter_context(janitor(folder))
        yield
