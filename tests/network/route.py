"""The routes on which runs reach everything through proxies, and one run on such a route."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.kill.lane import CLOCK, FAULTS, POLICY, Lane
from tests.network.proxy import HttpProxy
from tests.network.relay import StreamProxy
from tests.network.toxic import Toxic
from tests.network.trip import LONGEST_S, Arrival, Trip
from tests.running_postgres import PostgresServer
from windtunnel.cli.prefect_server import standing_server
from windtunnel.clients.installation import running_lab
from windtunnel.faults import load_fault
from windtunnel.undo.sweep import sweep

SERVICES = ("kubernetes", "prometheus", "slack", "prefect", "postgresql")
JANITOR_S = 40.0  # for what the run could not undo itself
EXPERIMENT = """
experiment: {name}
hypothesis: A bad network changes no verdict and leaves nothing behind.
owner: nobody
target: {{cluster: lab, namespace: {name}, workload: deployment/web}}
steady_state:
  - {{name: web, kubernetes: deployment/web, expect: ">= 0", interval: 200ms}}
  - {{name: one, prometheus: "1", expect: ">= 1", interval: 200ms}}
faults: [{fault}]
duration: 1s
recover_within: 3s
notify: {{slack: "#network"}}
"""


@dataclass(slots=True)
class Route:
    """A lane whose runs reach everything through proxies; *ledger* is the address of its database."""

    lane: Lane
    proxies: Mapping[str, HttpProxy | StreamProxy]
    ledger: str

    def travel(self, trip: Trip) -> Arrival:
        """Do one run, and see what is left of it."""
        self.lane.rest()
        for name, proxy in self.proxies.items():
            proxy.set(trip.toxic if name == trip.service else Toxic())
        before, began = self.lane.traces(), CLOCK.monotonic()
        status, told = self._run(trip)
        took_s = CLOCK.monotonic() - began
        left = tuple(self.lane.leftovers())
        arrival = Arrival(
            trip,
            " ".join(self.proxies[trip.service].hit[:1]),
            status,
            told.get("verdict", ""),
            told.get("reason", ""),
            told.get("undo", ""),
            self.lane.traces() != before,
            took_s,
            left,
            self._after_the_janitor(),
        )
        self.lane.clear()
        self.lane.forget_leases()
        return arrival

    def count(self, fault: str) -> dict[str, int]:
        """Return how many calls to each service a run makes when the network is good."""
        for service in ("prefect", "postgresql"):  # a run goes the way of these two only when asked to
            arrival = self.travel(Trip(fault, service, Toxic()))
            assert not arrival.wrong(), (arrival, self.output())
            assert arrival.verdict == "passed", (arrival, self.output())
            counted = {name: len(proxy.calls) for name, proxy in self.proxies.items()}
            if service == "prefect":
                prefect = counted["prefect"]
        return counted | {"prefect": prefect}

    def output(self) -> str:
        """Return the end of what the last run wrote to its standard error."""
        return (self.lane.folder / "output").read_text(errors="replace")[-2500:]

    def _run(self, trip: Trip) -> tuple[int | None, dict[str, str]]:
        command = [sys.executable, "-m", "windtunnel.cli", "run", str(self._file(trip)), "--json"]
        with (self.lane.folder / "output").open("wb") as noted:
            process = subprocess.Popen(
                command, env=self._environment(trip), stdout=subprocess.PIPE, stderr=noted
            )
            try:
                answer, _ = process.communicate(timeout=LONGEST_S + 30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                return None, {}
        return process.returncode, json.loads(answer) if answer.strip() else {}

    def _file(self, trip: Trip) -> Path:
        path = self.lane.folder / "network.yaml"
        text = EXPERIMENT.format(name=self.lane.name, fault=FAULTS[trip.fault])
        path.write_text(text, encoding="utf-8")
        return path

    def _environment(self, trip: Trip) -> dict[str, str]:
        slack, prefect = self.proxies["slack"], self.proxies["prefect"]
        assert isinstance(slack, HttpProxy)
        assert isinstance(prefect, HttpProxy)
        more = {"SLACK_BOT_TOKEN": "xoxb-network", "SLACK_API_URL": f"{slack.url}/slack/api/"}
        if trip.service == "prefect":
            more["PREFECT_API_URL"] = f"{prefect.url}/api"
        if trip.service == "postgresql":
            more["WINDTUNNEL_LEDGER"] = self.ledger
        return {**os.environ, **more}

    def _after_the_janitor(self) -> tuple[str, ...]:
        until = CLOCK.monotonic() + JANITOR_S
        while (left := tuple(self.lane.leftovers())) and CLOCK.monotonic() < until:
            sweep(self.lane.cluster, clock=CLOCK, load_fault=load_fault)
            CLOCK.wait(0.5)
        return left


@contextmanager
def routes(lanes: Sequence[Lane], postgres: PostgresServer) -> Iterator[list[Route]]:
    """Put proxies before everything that the lanes' runs need."""
    lab, prefect = running_lab(), standing_server()
    assert lab, "the course has a lab"
    assert prefect, "the course has a Prefect server"
    config = yaml.safe_load(Path(lab.kubeconfig).read_text(encoding="utf-8"))
    with ExitStack() as stack:
        found = []
        for lane in lanes:
            database = lane.name.replace("-", "_")
            postgres.sql(f"CREATE DATABASE {database}")
            made: dict[str, HttpProxy | StreamProxy] = {
                "kubernetes": (cluster := HttpProxy.before_cluster(config["clusters"][0]["cluster"])),
                "prometheus": (metrics := HttpProxy(lab.prometheus)),
                "slack": HttpProxy(lab.recorder),
                "prefect": HttpProxy(prefect.ui),
                "postgresql": (stream := StreamProxy(postgres.port)),
            }
            for proxy in made.values():
                stack.enter_context(proxy)
            _lead(lane, config, cluster.url, metrics.url)
            ledger = postgres.url(database).replace(f":{postgres.port}/", f":{stream.port}/")
            found.append(Route(lane, made, ledger))
        yield found


def _lead(lane: Lane, config: dict[str, object], cluster: str, metrics: str) -> None:
    """Write the lane's policy and kubeconfig, so that its runs go by the proxies."""
    known = config["clusters"][0]["name"]  # type: ignore[index] - a kubeconfig as the lab writes it
    there = {**config, "clusters": [{"name": known, "cluster": {"server": cluster}}]}
    kubeconfig = lane.folder / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(there), encoding="utf-8")
    entry = {"kubeconfig": str(kubeconfig), "prometheus": metrics}
    policy = yaml.safe_load(POLICY.format(name=lane.name)) | {"clusters": {"lab": entry}}
    (lane.folder / "windtunnel.yaml").write_text(yaml.safe_dump(policy), encoding="utf-8")
