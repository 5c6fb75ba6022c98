"""No secret that a run meets comes out anywhere: real runs, with a canary in every place where one enters.

Each output is also held to a witness, words that must be in it: an empty place would hold no secret either.
"""

import base64
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.flows.canaries import echoing, everywhere, found_in
from tests.running_postgres import PASSWORD

pytestmark = [pytest.mark.lab, pytest.mark.prefect]
ROOT = Path(__file__).parents[2]
CANARIES = {
    "SHOP_TOKEN": 'canary/"shop"+token-of-the-test',  # filled into a header, and printed by a command
    "SLACK_BOT_TOKEN": "xoxb-canary-slack-0123456789",
    "PAGERDUTY_ROUTING_KEY": "canarypagerduty0123456789abcdef0",
    "SOME_PASSWORD": "canary-by-its-name",
}
FETCHED = {  # in the environment as well, for the command, under names that are not those of secrets
    "FROM_PREFECT": "canary+in/a block of Prefect",
    "FROM_CLUSTER": "canary-in-a-secret-of-the-cluster",
}
HEADERS = (
    'Authorization: "Bearer ${SHOP_TOKEN}", X-Prefect: "${secret:canary}", '
    'X-Cluster: "a ${kubernetes:shop/canary/token}"'
)
TELLS = """
import os, sys
counted, *names = sys.argv[1:]
with open(counted, 'ab') as file:
    file.write(b'.')
    looks = file.tell()
print('told-by-the-command', *(os.environ[name] for name in names))
sys.exit(4 if looks < 9 else 5)
"""  # the baseline holds, and then it does not


@pytest.fixture
def echo():
    with echoing() as served:
        yield served


@pytest.fixture
def fetched(lab, prefect_server):
    """Put a canary into a Secret block of Prefect, and one into a Secret of the cluster."""
    from prefect.blocks.system import Secret

    there = "/api/v1/namespaces/shop/secrets"
    encoded = base64.b64encode(FETCHED["FROM_CLUSTER"].encode()).decode()
    made = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "canary"}, "data": {"token": encoded}}
    lab.kubernetes(there, method="POST", body=made)
    Secret(value=FETCHED["FROM_PREFECT"]).save("canary", overwrite=True)
    yield FETCHED
    Secret.delete("canary")
    lab.kubernetes(f"{there}/canary", method="DELETE")


@pytest.fixture
def on_cluster(cluster):
    """Keep what every config map of windtunnel's said, as long as the block lasts."""
    seen: set[str] = set()
    over = threading.Event()

    def watch():
        while not over.wait(0.1):
            seen.update(json.dumps(each) for each in cluster.list("ConfigMap", "windtunnel"))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    yield seen
    over.set()
    watcher.join(10)


@pytest.fixture
def ended(lab, prefect_server, tmp_path, written, echo, fetched):  # noqa: PLR0917 - fixtures are arguments
    """Run an experiment with every canary in its environment; give its process and what it wrote."""

    def run(module: str, **more: str) -> tuple[int, dict[str, bytes]]:
        probes = f"""
  - name: with a token
    http: {{url: "{echo[0]}", headers: {{{HEADERS}}}}}
    expect: {{status: 503}}
  - name: tells
    command: [{sys.executable}, -c, {json.dumps(TELLS)}, {tmp_path}/looks, {", ".join(CANARIES | FETCHED)}]
    expect: {{exit_code: 4}}
    interval: 200ms
"""
        file = tmp_path / "experiment.yaml"
        file.write_text(written(probes=probes))
        (tmp_path / "windtunnel.yaml").write_text("slack: {channel: '#secrets'}\n")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        slack = {"SLACK_API_URL": f"{lab['recorder']}/slack/api/"}
        done = subprocess.run(
            [sys.executable, "-m", *module.split(), str(file)],
            cwd=ROOT,
            env=kept | {"WINDTUNNEL_HOME": str(lab.home)} | CANARIES | FETCHED | slack | more,
            capture_output=True,
            check=False,
            timeout=100,
        )
        return done.returncode, {"stdout": done.stdout, "stderr": done.stderr}

    return run


def test_a_run_that_meets_secrets_in_every_place_tells_none(  # noqa: PLR0917 - fixtures are arguments
    ended, on_cluster, lab, prefect_server, echo, tmp_path
):
    code, outputs = ended("windtunnel.cli run")
    run_id = re.findall(rb"windtunnel report (\S+)", outputs["stdout"])[-1].decode()
    outputs |= everywhere(lab, prefect_server, run_id, tmp_path)
    outputs["ledger"] = b"".join(file.read_bytes() for file in lab.home.glob("ledger.db*"))
    outputs["config maps"] = "\n".join(on_cluster).encode()

    token = (lab.home / "lab" / "token").read_text().strip()
    assert found_in(outputs, CANARIES | FETCHED | {"the cluster's token": token}) == []
    used = [CANARIES["SHOP_TOKEN"], *FETCHED.values()]
    assert [secret for secret in used if secret not in echo[1][-1]] == []  # they were sent, and answered
    assert code == 1
    witnesses = {
        **dict.fromkeys(outputs, b"payments-scaled"),
        "stderr": b"",  # nothing is told there
        "chart": b"<svg",
        "prefect's task_runs": b"Not recovered 10 s after undo",
        "prefect's events": b"prefect.flow-run.",
        "config maps": f"windtunnel-undo-{run_id}".encode(),
    }
    assert [place for place, words in witnesses.items() if words not in outputs[place]] == []
    plain = {place: text.replace(b"\\*", b"*") for place, text in outputs.items()}
    told = [place for place, text in plain.items() if b"told-by-the-command *** *** *** *** *** ***" in text]
    assert {
        "stdout",
        "ledger",
        "slack",
        "prefect's flow_runs",
        "report as markdown",
        "report as json",
    } <= set(told)


def test_a_run_that_crashes_over_a_secret_tells_none(  # noqa: PLR0917 - fixtures are arguments
    ended, on_cluster, lab, prefect_server, postgres, postgres_server, tmp_path
):
    code, outputs = ended("tests.flows.crashing", WINDTUNNEL_LEDGER=postgres, PREFECT_API_URL=prefect_server)
    database = postgres.rpartition("/")[2]
    (run_id,) = (row[0] for row in postgres_server.sql("SELECT run_id FROM runs", database))
    crashes = (lab.home / "crashes").glob("*")
    outputs["crash files"] = b"".join(file.read_bytes() for file in crashes)
    for table in ("runs", "events", "samples", "tickets"):
        rows = postgres_server.sql(f"TABLE {table}", database)
        outputs[f"ledger's {table}"] = str(rows).encode()
    for what in ("flow_runs", "task_runs"):
        found = httpx.post(f"{prefect_server}/{what}/filter", json={"limit": 200}).raise_for_status()
        outputs[f"prefect's {what}"] = found.content
    latest = {"limit": 200, "sort": "TIMESTAMP_DESC"}
    logs = httpx.post(f"{prefect_server}/logs/filter", json=latest).raise_for_status()
    outputs["prefect's logs"] = logs.content
    outputs["config maps"] = "\n".join(on_cluster).encode()

    password = {"the ledger's password": PASSWORD, "as in an address": quote(PASSWORD, safe="")}
    assert found_in(outputs, CANARIES | FETCHED | password) == []
    assert code == 7, outputs["stdout"]
    assert f"windtunnel-undo-{run_id}".encode() in outputs["config maps"]
    told = [place for place, text in outputs.items() if b"crashed-here with ***" in text]
    places = ("flow_runs", "task_runs", "logs")
    assert {"stderr", "crash files", "ledger's events", *(f"prefect's {each}" for each in places)} <= set(
        told
    )


def test_a_run_that_crashes_between_its_steps_tells_none(ended, prefect_server):
    code, outputs = ended("tests.flows.crashing", BETWEEN_STEPS="yes", PREFECT_API_URL=prefect_server)
    latest = {"limit": 200, "sort": "EXPECTED_START_TIME_DESC"}
    runs = httpx.post(f"{prefect_server}/flow_runs/filter", json=latest).raise_for_status()
    outputs["prefect's flow_runs"] = runs.content

    assert found_in(outputs, CANARIES | FETCHED) == []
    assert code == 7, outputs["stdout"]
    told = [place for place, text in outputs.items() if b"crashed-here with ***" in text]
    assert {"stderr", "prefect's flow_runs"} <= set(told)


def test_a_plan_says_which_secrets_cannot_be_had(lab, prefect_server, tmp_path, written):
    missing = ("NOWHERE_SET", "secret:nobody-made-it", "kubernetes:shop/none/token")
    probes = [
        f'  - {{name: p{number}, http: {{url: "http://127.0.0.1:1/", headers: {{A: "${{{name}}}"}}}}}}\n'
        for number, name in enumerate(missing)
    ]
    file = tmp_path / "experiment.yaml"
    file.write_text(written(probes="".join(probes)))
    done = subprocess.run(
        [sys.executable, "-m", "windtunnel.cli", "plan", str(file)],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 4, done.stderr
    for why in (
        "the environment variable NOWHERE_SET is not set",
        "Prefect has no Secret block nobody-made-it",
        "there is no secret/none in shop",
    ):
        assert why in done.stdout


def test_a_secret_is_found_however_it_is_written():
    secret = CANARIES["SHOP_TOKEN"]
    texts = {
        "plain": f"a {secret} b".encode(),
        "json": json.dumps({"a": secret}).encode(),
        **{f"base64 {n}": base64.b64encode(b"x" * n + secret.encode() + b"tail") for n in range(6)},
    }
    assert found_in(texts, {"it": secret}) == [(place, "it") for place in texts]
