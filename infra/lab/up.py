"""Start a lab, and return once its shop serves customers."""

import importlib.util
import json
import os
import platform
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from infra.lab import processes
from infra.lab.state import MARKER, LabError, LabFolder, tail

NEEDED = ("aiohttp", "cryptography", "orjson", "prombed", "starlette", "uvicorn")
READY_WITHIN_SECONDS = 60.0
LOADING_SECONDS = 30.0
"""On top: what a busy machine may need to load the programs, before the waiting begins."""

MAX_REPLICAS = 50
MAX_NODES = 20
MAX_RATE = 2000.0


def up(
    home: Path,
    *,
    replicas: int = 3,
    nodes: int = 3,
    rate: float = 20.0,
    prometheus: Literal["embedded", "real"] = "embedded",
    prometheus_program: str = "",
    ready_within_s: float = READY_WITHIN_SECONDS,
) -> dict[str, Any]:
    """Start the lab of *home*, or find it running, and return what its lab.json says.

    Args:
        home: the state folder; the lab lives in its subfolder ``lab``.
        replicas: pods of each of the shop's four services.
        nodes: worker nodes.
        rate: requests a second that the customers send.
        prometheus: the embedded engine, or a real Prometheus.
        prometheus_program: path of the real one; by default the one on PATH.
        ready_within_s: give up after so long.

    Raises:
        LabError: it did not start; the text names the log file and ends with its last lines.
    """
    _check_machine()
    program = _program(prometheus, prometheus_program)
    _check("replicas", replicas, 1, MAX_REPLICAS)
    _check("nodes", nodes, 1, MAX_NODES)
    _check("rate", rate, 0, MAX_RATE)
    folder = LabFolder(home.expanduser().absolute())
    with folder.one_at_a_time():
        if folder.holder() is not None:
            return _already_running(folder)
        _clear_remains(folder)
        options = ["--home", str(folder.home), "--replicas", str(replicas), "--nodes", str(nodes)]
        options += ["--rate", f"{rate:g}", "--prometheus", program, "--ready-within", f"{ready_within_s:g}"]
        return _start(folder, options, within_s=ready_within_s + LOADING_SECONDS)


def _check_machine() -> None:
    if platform.system() != "Linux":
        msg = (
            f"The lab runs on Linux only, not on {platform.system()}: it needs all of 127.0.0.0/8 and /proc."
        )
        raise LabError(msg)
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        names = ", ".join(missing)
        msg = f"The lab needs packages that are not installed: {names}. Run: pip install -e '.[lab]'"
        raise LabError(msg)


def _program(prometheus: str, given: str) -> str:
    if prometheus == "embedded":
        return ""
    if prometheus != "real":
        msg = f"prometheus is embedded or real, not {prometheus!r}"
        raise LabError(msg)
    from infra.lab.metrics.real import find_program

    return find_program(given)


def _check(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        msg = f"{name} must be from {least:g} to {most:g}, not {value:g}"
        raise LabError(msg)


def _already_running(folder: LabFolder) -> dict[str, Any]:
    found = folder.read()
    if found is None:
        msg = (
            f"process {folder.holder()} holds {folder.root} but is not ready; "
            f"see {folder.log('main')}, or run `windtunnel lab down`"
        )
        raise LabError(msg)
    return found


def _clear_remains(folder: LabFolder) -> None:
    """Take away what an earlier lab left: processes if it was killed, and its files."""
    processes.end(folder.home, within_s=0)
    folder.description.unlink(missing_ok=True)
    folder.logs.mkdir(parents=True, exist_ok=True)
    for log in folder.logs.glob("*.log"):
        log.unlink()


def _start(folder: LabFolder, options: list[str], *, within_s: float) -> dict[str, Any]:
    answer, ready = os.pipe()
    source = str(Path(__file__).parents[2])
    with folder.log("main").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.lab.main", *options, "--ready-fd", str(ready)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[ready],
            cwd=folder.root,
            env={
                **os.environ,
                MARKER: str(folder.home),
                "PYTHONPATH": _path(source),
                "PYTHONUNBUFFERED": "1",
            },
            start_new_session=True,  # it stays when the terminal or the command that started it goes
        )
    os.close(ready)
    try:
        line = _read_line(answer, within_s=within_s)
    except BaseException:  # Ctrl-C, above all: what was half started goes with us
        _give_up(folder, process)
        raise
    finally:
        os.close(answer)
    told: dict[str, Any] = json.loads(line) if line else {}
    if "lab" in told:
        process.returncode = 0  # it is meant to run on: keep Popen from warning about that
        return dict(told["lab"])
    _give_up(folder, process)
    problem = told.get("problem") or "it ended without a word, or hung"
    log_file = folder.log("main")
    msg = f"The lab did not start: {problem}\nThe last lines of {log_file}:\n{tail(log_file)}"
    raise LabError(msg)


def _path(source: str) -> str:
    """Return PYTHONPATH with the sources in front: the lab also runs from a clone that is not installed."""
    return os.pathsep.join(part for part in (source, os.environ.get("PYTHONPATH", "")) if part)


def _read_line(descriptor: int, *, within_s: float) -> bytes:
    """Return the line the main process writes; empty where it ended, or said nothing in time."""
    deadline, line = time.monotonic() + within_s, b""
    while not line.endswith(b"\n"):
        readable, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        piece = os.read(descriptor, 65536) if readable else b""
        if not piece:
            return b""
        line += piece
    return line


def _give_up(folder: LabFolder, process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    processes.end(folder.home, within_s=1)
