"""`windtunnel run` as a process: its output, its exit status, and what a signal does to it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
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


def test_of_five_runs_at_once_on_one_target_one_injects_and_the_others_name_it(start, written, tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text("caps: {concurrent_runs: 9}\n")
    text = written(duration="120s")
    processes = [start(text, "--policy", str(policy)) for _ in range(5)]
    ended = []
    while len(ended) < len(processes) - 1:
        ended = [process for process in processes if process.poll() is not None]
        time.sleep(0.1)
    (winner,) = [process for process in processes if process not in ended]
    winner.send_signal(signal.SIGINT)
    output, _ = winner.communicate()
    run_id = re.search(r"windtunnel report (\S+)", output)[1]
    assert "fault.injected" in output
    refused = [process for process in ended if process.returncode != 7]
    assert refused
    for process in ended:
        told, log = process.communicate()
        assert "fault.injecting" not in told
        if process in refused:
            assert process.returncode == 3, f"{told}\n{log}"
            assert f"payments is held by {run_id} until" in told
        else:  # Prefect's own server takes only so many new runs in one moment
            assert "503 Service Unavailable" in log
