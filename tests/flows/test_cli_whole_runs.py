"""`windtunnel run` as a process: its output, its exit status, and what a signal does to it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.lab, pytest.mark.prefect]


@pytest.fixture
def start(lab, prefect_server, tmp_path):
    """Start the verb on an experiment's text; it finds the standing server by itself."""
    processes = []

    def start_it(text: str, *options: str) -> subprocess.Popen[str]:
        file = tmp_path / "experiment.yaml"
        file.write_text(text)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        process = subprocess.Popen(
            [sys.executable, "-m", "windtunnel.cli", "run", str(file), *options],
            cwd=ROOT,
            env=environment | {"WINDTUNNEL_HOME": str(lab.home)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start_it
    for process in processes:
        process.kill()
        process.communicate()


def test_json_is_one_document_on_standard_output_and_the_log_is_beside_it(start, written):
    process = start(written(), "--json", "--seed", "5")
    output, log = process.communicate()

    document = json.loads(output)
    assert (process.returncode, document["verdict"], document["undo"]) == (0, "passed", "clean")
    assert document["seed"] == 5
    assert document["ui_url"].startswith("http://127.0.0.1:")
    assert "fault.injected" in log
    assert "Traceback" not in log


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_run_undoes_it_and_tells_so(start, written, cluster, sign):
    process = start(written(duration="60s"))
    for line in process.stdout:
        if "fault.injected" in line:
            break
    process.send_signal(sign)
    output, log = process.communicate()

    assert process.returncode == 5
    assert "\nAborted. " in output
    assert "\nUndo      clean\n" in output
    assert "Traceback" not in output + log
    payments = cluster.get("Deployment", "payments", "shop")
    assert payments["spec"]["replicas"] == 3


def test_a_file_that_cannot_be_used_starts_nothing(start):
    process = start("experiment: [")
    output, log = process.communicate()

    assert (process.returncode, output) == (2, "")
    assert "experiment.yaml:2:1: is not YAML" in log
