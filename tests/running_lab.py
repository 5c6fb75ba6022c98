"""The lab that tests share: a whole one, in a state folder of its own, started once per worker."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from infra.lab import processes
from infra.lab.down import down
from infra.lab.up import up


@dataclass(frozen=True, slots=True)
class RunningLab:
    """A lab that is up, and how to talk to it without any client library."""

    home: Path
    description: dict[str, Any]
    took_s: float

    def __getitem__(self, key: str) -> Any:
        return self.description[key]

    def kubernetes(self, path: str, *, method: str = "GET", body: Any = None, kind: str = "json") -> Any:
        """Do one call of the Kubernetes API as the administrator, and return its document."""
        answer = requests.request(
            method,
            self["api"] + path,
            json=body,
            headers={
                "Authorization": f"Bearer {(self.home / 'lab' / 'token').read_text()}",
                "Content-Type": f"application/{kind}",
            },
            verify=str(self.home / "lab" / "pki" / "ca.crt"),
            timeout=10,
        )
        answer.raise_for_status()
        return answer.json()

    def pods(self, app: str) -> list[dict[str, Any]]:
        """Return the pods of one service of the shop."""
        found = self.kubernetes(f"/api/v1/namespaces/shop/pods?labelSelector=app%3D{app}")
        return list(found["items"])

    def query(self, promql: str) -> list[dict[str, Any]]:
        """Ask the lab's Prometheus."""
        answer = requests.get(f"{self['prometheus']}/api/v1/query", params={"query": promql}, timeout=10)
        return list(answer.json()["data"]["result"])


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """A whole lab; at the end it is taken down, and no process of it may be left."""
    home = tmp_path_factory.mktemp("windtunnel-home")
    began = time.monotonic()
    description = up(home)
    took_s = time.monotonic() - began
    before = os.environ.get("WINDTUNNEL_HOME")
    os.environ["WINDTUNNEL_HOME"] = str(home)
    try:
        yield RunningLab(home, description, took_s)
    finally:
        if before is None:
            del os.environ["WINDTUNNEL_HOME"]
        else:
            os.environ["WINDTUNNEL_HOME"] = before
        stopped = down(home)
        left = processes.of_lab(home)
    assert stopped.ran
    assert left == []
