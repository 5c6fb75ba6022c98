"""The commands of the pages, run in the order of each page, against the lab and a Prefect server.

What the README and the page about real clusters break, they break with the rights of docs/rbac.yaml and no
others, as on a cluster of one's own.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
import yaml

from infra.lab.down import down
from tests.unit.docs_blocks import NEED_NOTHING, NOT_RUN, ROOT, blocks, commands, output_after, page

pytestmark = [pytest.mark.lab, pytest.mark.prefect, pytest.mark.timeout(300)]

CATALOG = "windtunnel run experiments/catalog-survives-pod-loss.yaml"
BY_ITS_NAME = "catalog-survives-pod-loss.yaml"  # cluster: lab, so that Slack is told
SHORTER = {
    "duration: 30s": "duration: 2s",
    "duration: 20s": "duration: 5s",
    "duration: 10s": "duration: 4s",
    "for 5s": "for 4s",
    "[15s]": "[4s]",
}
RATE = 'sum(rate(http_requests_total{{app="frontend"{more}}}[4s]))'
SUCCESS = f"""{RATE.format(more=',code!~"5.."')} / {RATE.format(more="")}"""


@dataclass
class Desk:
    """Where a reader sits: a folder with the files of the pages, and a shell."""

    folder: Path
    home: Path
    environment: dict[str, str]
    seen: list[tuple[str, int, str]] = field(default_factory=list)

    def do(self, command: str) -> tuple[int, str]:
        """Type one command; give its exit status and what it said."""
        typed = command.replace("~/.local/state/windtunnel", str(self.home))
        if exported := re.fullmatch(r"export (\w+)=(.*)", typed):
            self.environment[exported[1]] = exported[2]
            return 0, ""
        done = subprocess.run(
            ["/bin/bash", "-c", typed],
            check=False,
            cwd=self.folder,
            env=self.environment | {"WINDTUNNEL_HOME": str(self.home)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.seen.append((command, done.returncode, done.stdout))
        return done.returncode, done.stdout

    def elsewhere(self, folder: Path) -> "Desk":
        """Sit down at another home, where nothing runs."""
        return Desk(self.folder, folder, self.environment)


@pytest.fixture
def desk(prefect_server, tmp_path):
    """Write down what the pages tell to write down, and what ships with the project."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("*.png", "*.md"))
    (tmp_path / "experiments").mkdir()
    texts = {file.name: file.read_text() for file in (ROOT / "experiments").glob("*.yaml")}
    texts["payments-carry-on.yaml"] = blocks("README.md", "yaml")[0]
    for name, text in texts.items():
        (tmp_path / "experiments" / name).write_text(shortened(text))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return Desk(tmp_path, tmp_path / "home", kept | {"PATH": path, "PREFECT_API_URL": prefect_server})


@pytest.fixture
def staging(desk, lab):
    """Make the lab a cluster of one's own: reached by the policy, with the rights of docs/rbac.yaml."""
    grant(lab)
    (desk.folder / "kubeconfig").write_text(kubeconfig_of_windtunnel(lab))
    clusters = {"staging": {"kubeconfig": str(desk.folder / "kubeconfig"), "prometheus": lab["prometheus"]}}
    policy = yaml.safe_load(blocks("docs/real-cluster.md", "yaml")[0]) | {"clusters": clusters}
    del policy["windows"], policy["blackouts"]  # the tests run at any hour
    (desk.folder / "windtunnel.yaml").write_text(yaml.safe_dump(policy))
    (desk.folder / "experiments" / "windtunnel.yaml").unlink()
    for file in (desk.folder / "experiments").iterdir():
        if file.name != BY_ITS_NAME:
            file.write_text(file.read_text().replace("cluster: lab", "cluster: staging"))
    desk.environment["KUBECONFIG"] = str(lab["kubeconfig"])
    desk.home = lab.home
    return desk


def shortened(text):
    """Return an experiment that takes less time."""
    for long, short in SHORTER.items():
        text = text.replace(long, short)
    return text


def grant(lab):
    """Make what docs/rbac.yaml holds, without kubectl."""
    for part in yaml.safe_load_all(page("docs/rbac.yaml")):
        group = "/api/v1" if part["apiVersion"] == "v1" else f"/apis/{part['apiVersion']}"
        where = f"/namespaces/{part['metadata']['namespace']}" if "namespace" in part["metadata"] else ""
        name = f"{part['kind'].lower()}s/{part['metadata']['name']}"
        address = f"{group}{where}/{name}?fieldManager=test&force=true"
        lab.kubernetes(address, method="PATCH", body=part, kind="apply-patch+yaml")


def kubeconfig_of_windtunnel(lab):
    """Return a kubeconfig of the service account windtunnel."""
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    account = "/api/v1/namespaces/windtunnel/serviceaccounts/windtunnel/token"
    config = yaml.safe_load(Path(lab["kubeconfig"]).read_text())
    token = lab.kubernetes(account, method="POST", body=request)["status"]["token"]
    config["users"][0]["user"] = {"token": token}
    return yaml.safe_dump(config)


def walk(desk, typed, *, prometheus, exits=None):
    """Type commands in their order; each must exit as *exits* says, or with 0."""
    for command in typed:
        if command in (*NOT_RUN, *NEED_NOTHING):
            continue
        if command.startswith("kubectl") and shutil.which("kubectl") is None:
            pytest.skip(f"kubectl is not installed, and the page goes on with: {command}")
        if command.startswith("windtunnel run"):
            come_to_rest(prometheus)
        status, said = desk.do(command)
        assert status == (exits or {}).get(command, 0), f"{command}\n{said}"


def come_to_rest(prometheus):
    """Wait as long as a reader takes: until no query sees any more what the command before did."""
    deadline = time.monotonic() + 60
    while True:
        answer = requests.get(f"{prometheus}/api/v1/query", params={"query": SUCCESS}, timeout=10).json()
        found = answer["data"]["result"]
        if found and float(found[0]["value"][1]) >= 0.999:
            return
        assert time.monotonic() < deadline, "the shop does not come to rest"
        time.sleep(0.2)


def test_the_readme(staging, lab):
    walk(staging, commands("README.md"), prometheus=lab["prometheus"], exits={CATALOG: 1})

    said = next(said for command, _, said in staging.seen if command == CATALOG)
    lines = {shape(line) for line in said.splitlines()}
    shown = [line for line in output_after("README.md", CATALOG) if line != "[...]"]
    assert [line for line in shown if shape(line) not in lines] == [], said


def shape(line):
    """Return a line of output without what differs from run to run: numbers, times, names of pods."""
    line = re.sub(r"^Recovery .*", "Recovery", line)
    line = re.sub(r"catalog-\w{8,10}-\w{5}", "POD", line)
    line = re.sub(r"\d{8}-\d{6}-\w{4}", "RUN", line)
    line = re.sub(r"[+-]?\d[\d:.]*( m?s\b|Z)?", "N", line)
    line = re.sub(r" +", " ", line)
    return re.sub(r"^N N ", "N ", line)  # the offset is there once the injection is known to be under way


def test_the_page_about_the_command_line(staging, lab, tmp_path):
    *typed, last = commands("docs/cli.md")
    walk(staging, typed, prometheus=lab["prometheus"])
    assert last == "windtunnel server down"  # the server of this home is that of other tests
    assert staging.elsewhere(tmp_path / "empty").do(last) == (0, "No Prefect server was running.\n")


def test_the_page_about_real_clusters(staging, lab):
    nothing_there = {"windtunnel undo RUN": 2}
    walk(staging, commands("docs/real-cluster.md"), prometheus=lab["prometheus"], exits=nothing_there)


def test_the_page_about_undo(staging, lab):
    walk(staging, commands("docs/undo.md"), prometheus=lab["prometheus"])


def test_the_page_about_the_lab(desk):
    up, *typed = commands("docs/lab.md")
    typed.remove(CATALOG)  # the first time it finds the weakness, as in the README; then it is repaired
    assert (up, typed[-1], CATALOG in typed) == ("windtunnel lab up", "windtunnel lab down", True)
    try:
        status, said = desk.do(up)  # a lab of its own, because this page changes the shop
        assert status == 0, said
        walk(desk, typed, prometheus=re.search(r"^Prometheus +(\S+)", said, flags=re.MULTILINE)[1])
    finally:
        down(desk.home)
